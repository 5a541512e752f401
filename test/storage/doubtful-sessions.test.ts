import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveSession, restoreSession } from '../../storage/archive/index.js';
import { type Log, Store } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { contents, deleteOrphans, endedSession, removedBefore } from './archive/stage.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { Pauses } from './pauses.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

const outcomeDeadlineMs = 12_345;
let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;
let pauses: Pauses;
let store: Store;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  disk = new FaultDisk();
  pauses = new Pauses();
  store = await open();
});
afterEach(async () => {
  await store.close();
  await remove();
});

function open(): Promise<Store> {
  const { openLevel } = disk;
  const times = { backoffMs: (attempt: number) => attempt, outcomeDeadlineMs };
  return Store.open(
    storeOptions(directory, { openLevel, wait: pauses.wait, freeBytes: async () => 2 ** 40, ...times }),
  );
}

/** What is done next: nobody can tell in time whether it reached the disk. `later` is how many commits come before. */
async function outcomeUnknown(fault: Fault, job: () => Promise<unknown>, later = 0): Promise<void> {
  disk.failAt(disk.commits + later, fault);
  disk.failingOpens = 1;
  const failing = expect(job()).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
  await pauses.end(outcomeDeadlineMs);
  await failing;
}

async function reopen(): Promise<void> {
  await pauses.end(1);
  await store.ready();
}

async function restart(): Promise<void> {
  disk.losePower(0);
  await store.close();
  store = await open();
}

const states = () =>
  store
    .sessions('main')
    .map(({ session, state }) => `${session} ${state}`)
    .sort();
const active = () => store.sessions('main').filter(({ state }) => state === 'active');

describe('a first session of which nobody could tell whether it was written', () => {
  it('is the active one when the disk says so, before anybody hears of the reopening, and no other can be started', async () => {
    await outcomeUnknown('fsync-kept', () => store.createSession('main', 'first'));
    const again = Promise.allSettled(['first', 'other'].map((name) => store.createSession('main', name)));
    const heard: (string | undefined)[] = [];
    store.onReopened(() => heard.push(store.activeSession('main')?.session));
    await reopen();
    expect(heard).toEqual(['first']);
    const active = { status: 'rejected', reason: { code: 'ERR_SESSION_ACTIVE' } };
    expect(await again).toMatchObject([active, active]);
    const log = store.activeSession('main')!;
    expect(await new TestPublisher(store.committer, log).publish(texts('a'))).toMatchObject({ firstSeq: 1 });
    await restart();
    expect(states()).toEqual(['first active']);
    expect(await contents(store, store.activeSession('main')!)).toEqual(['a']);
  });

  it('can be started again when the disk does not say so', async () => {
    await outcomeUnknown('fsync-lost', () => store.createSession('main', 'first'));
    await reopen();
    expect(store.activeSession('main')).toBeUndefined();
    await store.createSession('main', 'first');
    await restart();
    expect(states()).toEqual(['first active']);
  });

  it('is one alone, also when it is asked for twice at the same time', async () => {
    const outcomes = await Promise.allSettled(['a', 'b', 'a'].map((name) => store.createSession('main', name)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    await restart();
    expect(states()).toEqual(['a active']);
  });
});

describe('the end of a session of which nobody could tell', () => {
  let log: Log;
  beforeEach(async () => {
    log = await store.createSession('main', 'first');
    await new TestPublisher(store.committer, log).publish(texts('a', 'b'));
  });

  it('leaves the session as it is when the disk does not know of it', async () => {
    await outcomeUnknown('fsync-lost', () => store.rollSession(log, { session: 'second', reason: 'enough' }));
    await reopen();
    expect([log.state, ...states()]).toEqual(['active', 'first active']);
    expect(await new TestPublisher(store.committer, log).publish(texts('c'))).toMatchObject({ firstSeq: 3 });
    await store.rollSession(log, { session: 'second', reason: 'enough' });
    expect(states()).toEqual(['first ended', 'second active']);
  });

  it('stays one when that is found after its messages are gone', async () => {
    await outcomeUnknown('fsync-kept', () => store.rollSession(log, { session: 'second', reason: 'enough' }));
    disk.loseCommit(2);
    await reopen();
    expect([log.state, log.lastSeq]).toEqual(['ended', 2]);
    await restart();
    expect(store.sessions()).toMatchObject([
      { state: 'ended', reason: 'enough', lastSeq: 2 },
      { session: 'second', state: 'active' },
    ]);
  });
});

describe('a restore and a roll', () => {
  let path: string;
  beforeEach(async () => {
    path = join(directory, 'archive');
    const archived = await endedSession(store, 's2', [['x', 'y']], 'main');
    await archiveSession(store, archived, path);
    disk = new FaultDisk();
    await store.close();
    store = await open();
  });

  it('do not get one name, whichever is first', async () => {
    const log = await store.createSession('main', 's1');
    const restoring = restoreSession(store, path, {
      pause: async () => {
        expect(store.sessionNames('main'), 'who looks for a name sees that it is taken').toContain('s2');
        const rolled = store.rollSession(log, { session: 's2', reason: 'enough' });
        await expect(rolled).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS' });
        expect(log.state).toBe('active');
      },
    });
    expect(await restoring).toMatchObject({ session: 's2', state: 'ended' });
    await store.rollSession(log, { session: 's3', reason: 'enough' });
    await expect(restoreSession(store, path)).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS' });
    await restart();
    expect(states()).toEqual(['s1 ended', 's2 ended', 's3 active']);
    expect(active()).toHaveLength(1);
  });

  it('do not get one name when both are written in the same commit', async () => {
    const log = await store.createSession('main', 's1');
    const rolled = store.rollSession(log, { session: 's2', reason: 'enough' });
    await expect(restoreSession(store, path)).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS' });
    await rolled;
    await restart();
    expect(states()).toEqual(['s1 ended', 's2 active']);
  });

  it('of which the restore fails leave the name to others', async () => {
    const log = await store.createSession('main', 's1');
    const pause = () => Promise.reject(new Error('no more'));
    await expect(restoreSession(store, path, { pause })).rejects.toThrow('no more');
    await store.rollSession(log, { session: 's2', reason: 'enough' });
    await deleteOrphans(store);
    expect(states()).toEqual(['s1 ended', 's2 active']);
  });

  it.each([
    ['fsync-kept', ['s1 active', 's2 ended'], 0],
    ['fsync-lost', ['s1 active'], 1],
  ] as const)(
    'with %s of its last batch the restored session is there or its name is free',
    async (fault, after, orphans) => {
      await store.createSession('main', 's1');
      await outcomeUnknown(fault, () => restoreSession(store, path), 2);
      const rolled = store.rollSession(store.activeSession('main')!, { session: 's2', reason: 'enough' });
      await expect(rolled).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
      await reopen();
      expect(states()).toEqual(after);
      let deleted = 0;
      while (await store.keeping.deleteOrphansOnce()) deleted = 1;
      expect(deleted).toBe(orphans);
      if (fault === 'fsync-lost') await restoreSession(store, path);
      await restart();
      expect(states()).toEqual(['s1 active', 's2 ended']);
      expect(await contents(store, store.log(store.findSession('main', 's2')!.log)!)).toEqual(['x', 'y']);
    },
  );
});

it('a restore nobody could tell of is there although the removed session it was is forgotten meanwhile', async () => {
  const archived = await endedSession(store, 'old', []);
  const path = join(directory, 'archive');
  await archiveSession(store, archived, path);
  await store.close();
  disk = new FaultDisk();
  await removedBefore(disk, ['old', ...Array.from({ length: 999 }, (_, index) => `removed ${index}`)]);
  store = await open();
  const log = await endedSession(store, 'removed now', []);
  await outcomeUnknown('fsync-kept', () => restoreSession(store, path), 1);
  const removing = store.keeping.remove(log);
  await reopen();
  await removing;
  for (const looked of ['at once', 'after a restart']) {
    const found = store.findSession('main', 'old');
    expect(found, looked).toMatchObject({ state: 'ended', restoredMs: expect.any(Number), next: 'removed 0' });
    await restart();
  }
});

describe('a removal of which nobody could tell', () => {
  it.each(['fsync-kept', 'fsync-lost'] as const)('can only be done again (%s)', async (fault) => {
    const log = await endedSession(store, 'gone', [['a', 'b']]);
    await store.saveReceipts();
    await outcomeUnknown(fault, () => store.keeping.remove(log));
    await reopen();
    await expect(store.keeping.archived(log)).rejects.toMatchObject({ code: 'ERR_SESSION_REMOVED' });
    await store.keeping.remove(log);
    expect(await contents(store, log)).toEqual(['1..2 retention']);
    await deleteOrphans(store);
    await restart();
    expect(store.findSession('main', 'gone')).toMatchObject({ firstSeq: 3, lastSeq: 2, next: 'behind gone' });
    expect(states()).toEqual(['behind gone active']);
  });
});
