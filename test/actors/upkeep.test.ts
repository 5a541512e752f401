import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Upkeep, type UpkeepOptions } from '../../actors/upkeep.js';
import { restoreSession, verifyArchive } from '../../storage/archive/index.js';
import type { Store } from '../../storage/index.js';
import { contents, deleteOrphans, flipBit, openStore } from '../storage/archive/stage.js';
import { FaultDisk } from '../storage/fault-level.js';
import { TestPublisher } from '../storage/store-under-test.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const graceMs = 1_000;
let directory: string;
let remove: () => Promise<void>;
let archives: string;
let store: Store;
let nowMs: number;
const clock = () => nowMs;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  archives = join(directory, 'archives');
  nowMs = 1_000_000;
  store = await openStore(directory, new FaultDisk(), { clock });
});
afterEach(async () => {
  await store.close();
  await remove();
});

function upkeep(more: Partial<UpkeepOptions> = {}): Upkeep {
  const retention = { ageMs: 0, count: 0, bytes: 0 };
  const logger = pino({ level: 'silent' });
  return new Upkeep({ store, retention, retentionGraceMs: graceMs, clock, logger, ...more });
}

/** All there is to do now. @returns in how many steps */
async function untilDone(of: Upkeep): Promise<number> {
  for (let steps = 0; ; steps += 1) if (!(await of.once({}))) return steps;
}

/** Sessions `names` that have ended, and one that goes on. */
async function sessionsOf(...names: string[]): Promise<void> {
  let log = await store.createSession('main', names[0]!);
  for (const [index, name] of names.entries()) {
    const publisher = new TestPublisher(store.committer, log, await store.publisher('main', 'p'));
    await publisher.publish(texts(`${name} 1`, `${name} 2`));
    await publisher.publish(texts(`${name} 3`));
    log = await store.rollSession(log, { session: names[index + 1] ?? 'live', reason: 'enough' });
    nowMs += 100;
  }
}

const kept = () => store.sessions('main').map(({ session }) => session);
const oneKept = { ageMs: 0, count: 1, bytes: 0 };

describe('the upkeep of sessions', () => {
  it('reads each ended session once, and puts its digest and size on record', async () => {
    await sessionsOf('a', 'b');
    const own = upkeep();
    expect(await untilDone(own)).toBe(2);
    const [a, b, live] = store.sessions('main');
    expect(a).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/), lost: 0, checkedMs: nowMs });
    expect(b!.digest).not.toBe(a!.digest);
    expect(live).not.toHaveProperty('digest');
    expect(await untilDone(own)).toBe(0);
    expect(await untilDone(upkeep()), 'it stays on record').toBe(0);
  });

  it('archives each ended session once, where there is a directory for it', async () => {
    await sessionsOf('a', 'b');
    expect(await untilDone(upkeep({ archiveDirectory: archives }))).toBe(4);
    expect(await readdir(archives)).toEqual(['main-a.latecomer.gz', 'main-b.latecomer.gz']);
    expect(await verifyArchive(join(archives, 'main-a.latecomer.gz'))).toMatchObject({ damage: [] });
    await rm(archives, { recursive: true });
    expect(await untilDone(upkeep({ archiveDirectory: archives })), 'one that was moved away').toBe(0);
  });

  it('goes on with other sessions when one fails, and tries that one again after a while', async () => {
    await sessionsOf('a', 'b');
    await mkdir(join(archives, '.main-a.latecomer.gz.partial'), { recursive: true });
    const own = upkeep({ archiveDirectory: archives });
    expect(await untilDone(own)).toBe(4);
    expect(store.sessions('main').map(({ archivedMs }) => archivedMs !== undefined)).toEqual([false, true, false]);
    await rm(join(archives, '.main-a.latecomer.gz.partial'), { recursive: true, force: true });
    expect(await untilDone(own)).toBe(0);
    nowMs += 60_000;
    expect(await untilDone(own)).toBe(1);
    expect(store.findSession('main', 'a')).toMatchObject({ archivedMs: nowMs });
  });

  it('tries again what has failed at once when the clock is put back', async () => {
    await sessionsOf('a');
    await writeFile(archives, 'a file where the directory should be');
    const own = upkeep({ archiveDirectory: archives });
    await untilDone(own);
    await rm(archives);
    nowMs -= 500_000;
    expect(await untilDone(own)).toBe(1);
    expect(store.findSession('main', 'a')).toMatchObject({ archivedMs: nowMs });
  });

  it('archives a session again that was discarded, so that its archive says so', async () => {
    await sessionsOf('a');
    const own = upkeep({ archiveDirectory: archives });
    await untilDone(own);
    const path = join(archives, 'main-a.latecomer.gz');
    const before = (await verifyArchive(path)).index;
    expect(before).not.toHaveProperty('discarded');
    await store.keeping.discard(store.log(1)!, 'wrong prices');
    expect(await untilDone(own)).toBe(1);
    const { index, damage } = await verifyArchive(path);
    expect(damage).toEqual([]);
    expect(index).toEqual({ ...before, discarded: true, discardReason: 'wrong prices' });
    await store.keeping.discard(store.log(1)!, 'for another reason');
    expect(await untilDone(own)).toBe(0);
    await store.keeping.remove(store.log(1)!);
    expect(await restoreSession(store, path)).toMatchObject({ discarded: true, discardReason: 'wrong prices' });
  });
});

describe('retention', () => {
  it('removes what is too much, and gives its room back', async () => {
    await sessionsOf('a', 'b', 'c');
    await untilDone(upkeep({ retention: oneKept }));
    expect(kept()).toEqual(['c', 'live']);
    await deleteOrphans(store);
    expect(await contents(store, store.log(3)!)).toEqual(['c 1', 'c 2', 'c 3']);
  });

  it('waits for a session that is to be archived and is not', async () => {
    await sessionsOf('a', 'b');
    await writeFile(archives, 'a file where the directory should be');
    const own = upkeep({ retention: oneKept, archiveDirectory: archives });
    await untilDone(own);
    expect(kept()).toEqual(['a', 'b', 'live']);
    await rm(archives);
    nowMs += 60_000;
    await untilDone(own);
    expect(kept()).toEqual(['b', 'live']);
    expect(await readdir(archives)).toContain('main-a.latecomer.gz');
  });

  it('reads the archive of a session before that is all there is of it, and makes a damaged one anew', async () => {
    await sessionsOf('a', 'b');
    await untilDone(upkeep({ archiveDirectory: archives }));
    const path = join(archives, 'main-a.latecomer.gz');
    await flipBit(path, 20);
    expect((await verifyArchive(path)).damage).toHaveLength(1);
    await untilDone(upkeep({ retention: oneKept, archiveDirectory: archives }));
    expect(kept()).toEqual(['b', 'live']);
    expect((await verifyArchive(path)).damage).toEqual([]);
    await restoreSession(store, path);
    expect(await contents(store, store.log(store.findSession('main', 'a')!.log)!)).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('leaves an archive alone that was moved away', async () => {
    await sessionsOf('a', 'b');
    await untilDone(upkeep({ archiveDirectory: archives }));
    await rm(join(archives, 'main-a.latecomer.gz'));
    await untilDone(upkeep({ retention: oneKept, archiveDirectory: archives }));
    expect(kept()).toEqual(['b', 'live']);
    expect(await readdir(archives)).toEqual(['main-b.latecomer.gz']);
  });

  it('tells one who reads a session that the rest of it is lost, and keeps it from filling the disk', async () => {
    await sessionsOf('a', 'b');
    const own = upkeep({ retention: oneKept });
    await store.read(1, 1, 2);
    await untilDone(own);
    for (let passed = 0; passed < graceMs; passed += 100) {
      expect(kept()).toContain('a');
      await store.read(1, 1, 2);
      nowMs += 100;
      await untilDone(own);
    }
    expect(kept(), 'after the grace, though it is still read').toEqual(['b', 'live']);
    expect(await store.read(1, 2, 3)).toEqual({
      stretches: [],
      lost: { from: 2, to: 3, reason: 'retention' },
      next: 4,
    });
    await deleteOrphans(store);
    expect(await store.read(1, 1, 3)).toMatchObject({ lost: { from: 1, to: 3, reason: 'retention' } });
  });

  it('waits for a reader no longer than the grace when the clock is put back', async () => {
    await sessionsOf('a', 'b');
    const own = upkeep({ retention: oneKept });
    await store.read(1, 1, 2);
    await untilDone(own);
    nowMs -= 500_000;
    await untilDone(own);
    expect(kept()).toContain('a');
    nowMs += graceMs;
    await untilDone(own);
    expect(kept()).toEqual(['b', 'live']);
  });

  it('does not wait for one who has stopped to read', async () => {
    await sessionsOf('a', 'b');
    const own = upkeep({ retention: oneKept });
    await store.read(1, 1, 2);
    await untilDone(own);
    expect(kept()).toContain('a');
    nowMs += graceMs;
    await untilDone(own);
    expect(kept()).toEqual(['b', 'live']);
  });
});
