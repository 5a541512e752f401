import { it } from 'vitest';
import { Random } from '../support/random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { SessionLives } from './session-lives.js';

/** `LIVES=1000` for a long run; the seeds are `SEED` and those behind it. */
const lives = Number(process.env.LIVES ?? 20);
const steps = 100;

it('every session is where it was, and who follows misses none, whatever happens to them', {
  timeout: 50_000 + lives * 2_000,
}, async () => {
  const { seed } = new Random();
  console.log(`session lives: SEED=${seed}`);
  for (let life = 0; life < lives; life += 1) {
    const { directory, remove } = await temporaryDirectory();
    const simulation = new SessionLives(new Random(seed + life), directory);
    try {
      await simulation.run(steps);
    } catch (error) {
      console.log(`${simulation.story.join('\n')}\nsession lives: LIVES=1 SEED=${seed + life}`);
      throw error;
    } finally {
      await remove();
    }
  }
});
