import { expect, it } from 'vitest';
import type { Log } from '../../storage/log.js';
import { SourceSessions } from '../../storage/source-sessions.js';

it('a session that begins finds its place without a look at all that were before it', () => {
  const sessions = new SourceSessions();
  const count = 200;
  let looks = 0;
  for (let number = 1; number <= count; number += 1) {
    const log = {
      get number() {
        looks += 1;
        return number;
      },
      isRemoved: false,
    } as unknown as Log;
    const row = { source: 'main', session: `S${number}`, epoch: 'e', createdMs: 1_000, lastSeq: 0 };
    sessions.add({ log, row });
  }
  expect(sessions.all().map(({ entry }) => entry.log.number)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  expect(looks).toBeLessThan(5 * count);
});
