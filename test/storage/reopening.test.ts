import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, Store, type StoreOptions } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { Pauses } from './pauses.js';
import { endSession, storeOptions, TestPublisher } from './store-under-test.js';

const outcomeDeadlineMs = 12_345;
let directory: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(() => remove());

async function openFaulty(
  fault: Fault,
  more: Partial<StoreOptions> = {},
): Promise<{ store: Store; log: Log; publisher: TestPublisher; disk: FaultDisk; pauses: Pauses }> {
  const disk = new FaultDisk({ atCommit: 3, fault });
  const pauses = new Pauses();
  const common = {
    openLevel: disk.openLevel,
    wait: pauses.wait,
    backoffMs: (attempt: number) => attempt,
    outcomeDeadlineMs,
  };
  const store = await Store.open(storeOptions(directory, { ...common, ...more }));
  const log = await store.createSession('main', 'first');
  const publisher = new TestPublisher(store.committer, log);
  expect(await publisher.publish(texts('a', 'b'))).toMatchObject({ lastSeq: 2 });
  return { store, log, publisher, disk, pauses };
}

describe('a store whose write has failed', () => {
  it('opens again with a growing pause, and then serves those who waited', async () => {
    const { store, log, publisher, disk, pauses } = await openFaulty('no-space');
    let reopened = 0;
    const stop = store.onReopened(() => {
      reopened += 1;
    });
    const refused = publisher.publish(texts('c'));
    await pauses.end(1);
    expect(store.unavailable()).toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: 'the log is being reopened after a failure: IO error: No space left on device',
    });
    const read = store.read(log.number, 1, 2);
    const record = store.publisher('main', 'p');
    const session = store.createSession('other', 'first');
    expect(reopened).toBe(0);
    await pauses.end(2);
    expect((await refused).error).toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    await store.ready();
    expect((await read).stretches.map(({ firstSeq }) => firstSeq)).toEqual([1]);
    expect((await record).lastNumber).toBe(0);
    expect((await session).number).toBe(2);
    expect([store.unavailable(), reopened, store.stats().reopens, disk.failingOpens]).toEqual([undefined, 1, 1, 0]);
    stop();
    expect(await publisher.publish(texts('d'))).toMatchObject({ firstSeq: 3, durability: 'disk' });
    await store.close();
  });

  it('acknowledges what it finds', async () => {
    const { store, log, publisher } = await openFaulty('fsync-kept');
    expect(await publisher.publish(texts('c'))).toEqual({ firstSeq: 3, lastSeq: 3, number: 0, durability: 'disk' });
    expect([log.lastSeq, log.nextSeq, log.ring.lastSeq]).toEqual([3, 4, 3]);
    await store.close();
  });

  it.each([
    ['kept', 'fsync-kept', 3],
    ['lost', 'fsync-lost', 2],
  ] as const)('takes in what was %s after nobody could wait any longer', async (_, fault, lastSeq) => {
    const { store, log, publisher, disk, pauses } = await openFaulty(fault);
    disk.failingOpens = 1;
    const unknown = publisher.publish(texts('c'));
    await pauses.end(outcomeDeadlineMs);
    expect((await unknown).error).toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    expect([log.lastSeq, log.nextSeq]).toEqual([2, 3]);
    const seen: number[] = [];
    store.onReopened(() => seen.push(log.lastSeq));
    await pauses.end(1);
    await store.ready();
    expect(seen).toEqual([lastSeq]);
    expect([log.ring.firstSeq, log.ring.lastSeq]).toEqual([1, lastSeq]);
    expect(await publisher.publish(texts('d'))).toMatchObject({ firstSeq: lastSeq + 1 });
    await store.close();
  });

  it('knows a publish that was found after nobody could wait any longer', async () => {
    const { store, log, disk, pauses } = await openFaulty('fsync-kept');
    disk.failingOpens = 1;
    const record = await store.publisher('main', 'p');
    const unknown = new TestPublisher(store.committer, log, record).publish(texts('c'));
    await pauses.end(outcomeDeadlineMs);
    expect((await unknown).error).toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    await pauses.end(1);
    await store.ready();
    expect((await store.publisher('main', 'p')).find(1)?.run).toEqual([1, 1, 3, 1]);
    await store.close();
  });

  it('ends a session after all when its end was written', async () => {
    const { store, log } = await openFaulty('fsync-kept');
    expect(await endSession(store, log)).toMatchObject({ state: 'ended', lastSeq: 2 });
    await store.close();
  });

  it('goes on with a session whose end was not written', async () => {
    const { store, log, publisher } = await openFaulty('fsync-lost');
    await expect(endSession(store, log)).rejects.toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    expect([log.state, store.summary(log).state]).toEqual(['active', 'active']);
    expect(await publisher.publish(texts('c'))).toMatchObject({ firstSeq: 3 });
    await store.close();
  });

  it('can be closed while the disk is away', async () => {
    const { store, log, publisher, disk, pauses } = await openFaulty('no-space');
    disk.failingOpens = 1_000;
    const unknown = publisher.publish(texts('c'));
    await pauses.end(1);
    const reading = expect(store.read(log.number, 1, 2)).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' });
    await store.close();
    await reading;
    expect((await unknown).error).toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    expect(store.unavailable()).toMatchObject({ code: 'ERR_STORAGE_CLOSED' });
  });

  it('never gives out a number again, even if the disk has lost what it had acknowledged', async () => {
    const { store, log, publisher, disk } = await openFaulty('fsync-lost', { durability: 'os' });
    disk.loseAtNextOpen = 1;
    expect((await publisher.publish(texts('c'))).error).toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    expect([log.lastSeq, log.nextSeq]).toEqual([2, 3]);
    expect((await store.read(log.number, 1, 2)).lost).toEqual({ from: 1, to: 2, reason: 'missing' });
    disk.losePower(0);
    const again = await Store.open(storeOptions(directory, { openLevel: disk.openLevel }));
    expect(again.activeSession('main')!.nextSeq).toBe(3);
    await again.close();
  });
});
