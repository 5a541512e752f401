import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, Store } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { Pauses } from './pauses.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

const outcomeDeadlineMs = 12_345;
let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;
let pauses: Pauses;
let store: Store;
let log: Log;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(async () => {
  await store.close();
  await remove();
});

/** A store with two messages, of whose next write nobody can tell in time whether it reached the disk. */
async function endWithUnknownOutcome(fault: Fault): Promise<void> {
  disk = new FaultDisk({ atCommit: 3, fault });
  pauses = new Pauses();
  store = await Store.open(
    storeOptions(directory, {
      openLevel: disk.openLevel,
      wait: pauses.wait,
      backoffMs: (attempt) => attempt,
      outcomeDeadlineMs,
    }),
  );
  log = await store.createSession('main', 'first');
  await new TestPublisher(store.committer, log).publish(texts('a', 'b'));
  disk.failingOpens = 1;
  const ending = expect(store.endSession(log, 'enough')).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
  await pauses.end(outcomeDeadlineMs);
  await ending;
  expect(log.state).toBe('active');
}

async function reopen(): Promise<void> {
  await pauses.end(1);
  await store.ready();
}

describe('a session of whose end nobody could tell whether it was written', () => {
  it('has ended when the disk says so, and whoever hears of the reopening knows', async () => {
    await endWithUnknownOutcome('fsync-kept');
    const heard: string[] = [];
    store.onReopened(() => heard.push(log.state));
    await reopen();
    expect(heard).toEqual(['ended']);
    expect(store.summary(log)).toMatchObject({ state: 'ended', reason: 'enough', lastSeq: 2 });
    expect(store.activeSession('main')).toBeUndefined();
    expect((await store.createSession('main', 'second')).number).toBe(2);
    await store.close();
    store = await Store.open(storeOptions(directory, { openLevel: disk.openLevel }));
    expect(store.sessions().map(({ session, state }) => [session, state])).toEqual([
      ['first', 'ended'],
      ['second', 'active'],
    ]);
  });

  it('goes on when the disk does not say so', async () => {
    await endWithUnknownOutcome('fsync-lost');
    await reopen();
    expect([log.state, store.summary(log).state]).toEqual(['active', 'active']);
    expect(await new TestPublisher(store.committer, log).publish(texts('c'))).toMatchObject({ firstSeq: 3 });
  });

  it('is ended once when it is ended again before the disk is back', async () => {
    await endWithUnknownOutcome('fsync-kept');
    const again = store.endSession(log, 'again');
    await reopen();
    expect(await again).toMatchObject({ state: 'ended', lastSeq: 2, reason: 'again' });
    expect(store.summary(log)).toEqual(await again);
  });

  it('stays ended when that is found after its messages are gone', async () => {
    await endWithUnknownOutcome('fsync-kept');
    disk.loseCommit(2);
    await reopen();
    expect([log.state, log.lastSeq]).toEqual(['ended', 2]);
    disk.losePower(0);
    const again = await Store.open(storeOptions(directory, { openLevel: disk.openLevel }));
    expect(again.sessions()).toMatchObject([{ state: 'ended', reason: 'enough', lastSeq: 2 }]);
    await again.close();
  });

  it('stays ended when an attempt to end it again is not written', async () => {
    await endWithUnknownOutcome('fsync-kept');
    disk.failAt(disk.commits, 'fsync-lost');
    const again = store.endSession(log, 'again');
    await reopen();
    expect(await again).toMatchObject({ state: 'ended', reason: 'enough', lastSeq: 2 });
    await store.ready();
    expect(log.state).toBe('ended');
  });
});
