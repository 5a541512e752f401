import { expect, it } from 'vitest';
import type { Log } from '../../storage/log.js';
import { type SessionEntry, SourceSessions } from '../../storage/source-sessions.js';

it('a session is put in its place, and the one behind it is found, without a look at all there are', () => {
  const sessions = new SourceSessions();
  const count = 256;
  const entries: SessionEntry[] = [];
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
    const entry = { log, row };
    sessions.add(entry);
    entries.push(entry);
  }
  for (const [place, entry] of entries.entries()) expect(sessions.behind(entry)).toBe(entries[place + 1]);
  expect(looks).toBeLessThan(40 * count);
  expect(sessions.all().map(({ entry }) => entry.log.number)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
});
