import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Durability } from '../../protocol/index.js';
import { PublisherRecord, Store, type StoreOptions } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { FaultDisk } from './fault-level.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  disk = new FaultDisk();
});
afterEach(() => remove());

/** A store on a disk that is left behind by those that are not closed. */
function open(durability: Durability, more: Partial<StoreOptions> = {}): Promise<Store> {
  return Store.open(storeOptions(directory, { durability, openLevel: disk.openLevel, ...more }));
}

function epochs(store: Store): string[] {
  return store.sessions().map(({ epoch }) => epoch);
}

describe('the epoch of a session', () => {
  it.each([
    ['stays after a clean end', 'disk', true, true],
    ['stays after a clean end', 'os', true, true],
    ['stays after an unclean end', 'disk', false, true],
    ['is replaced after an unclean end', 'os', false, false],
  ] as const)('%s at durability %s', async (_, durability, isClosed, stays) => {
    const first = await open(durability);
    const ended = await first.createSession('main', 'ended');
    await first.rollSession(ended, { session: 'active', reason: 'enough' });
    const before = epochs(first);
    if (isClosed) await first.close();
    const second = await open('disk');
    const after = epochs(second);
    expect(after[0]).toBe(before[0]);
    expect(after[1] === before[1]).toBe(stays);
    expect(second.activeSession('main')!.epoch).toBe(after[1]);
    const third = await open('disk');
    expect(epochs(third)).toEqual(after);
    await third.close();
  });

  it('stays after a clean end at durability os on a real disk', async () => {
    const real = (): Promise<Store> => Store.open(storeOptions(directory, { durability: 'os' }));
    const first = await real();
    const { epoch } = await first.createSession('main', 'first');
    await first.close();
    const second = await real();
    expect(epochs(second)).toEqual([epoch]);
    await second.close();
  });

  it('is 16 hexadecimal characters', async () => {
    const store = await open('disk');
    expect((await store.createSession('main', 'first')).epoch).toMatch(/^[0-9a-f]{16}$/);
    await store.close();
  });
});

describe('a store that starts', () => {
  it('gives no number out again that a clean end has put on record', async () => {
    const first = await open('disk');
    const log = await first.createSession('main', 'first');
    const publisher = new TestPublisher(first.committer, log);
    const { lastSeq } = await publisher.publish(texts('a', 'b', 'c'));
    const last = await publisher.publish(texts('d'));
    await first.committer.write([{ type: 'del', key: Buffer.from('04000000010000000000000004', 'hex') }], 'disk');
    await first.close();
    const second = await open('disk');
    const again = second.activeSession('main')!;
    expect(again.nextSeq).toBe(last.lastSeq + 1);
    const page = await second.read(again.number, 1, again.lastSeq);
    expect(page.lost).toEqual({ from: lastSeq + 1, to: last.lastSeq, reason: 'missing' });
    await second.close();
  });

  it('says which line of the catalogue is damaged', async () => {
    const first = await open('disk');
    await first.createSession('main', 'first');
    const damaged = { type: 'put', key: Buffer.from('0200000001', 'hex'), value: Buffer.from('{') } as const;
    await first.committer.write([damaged], 'disk');
    await expect(open('disk')).rejects.toMatchObject({
      code: 'ERR_STORAGE_OPEN',
      message: `cannot open the data directory ${directory}: the line of log 1 in the catalogue is damaged`,
    });
  });

  it('keeps the receipts of publishers for as long as it is told', async () => {
    let nowMs = 1_000;
    const clock = (): number => nowMs;
    const first = await open('disk', { clock, publisherExpiryMs: 500 });
    const log = await first.createSession('main', 'first');
    const record = await first.publisher('main', 'p');
    await new TestPublisher(first.committer, log, record).publish(texts('a'), 'disk');
    await first.close();
    nowMs = 1_500;
    const second = await open('disk', { clock, publisherExpiryMs: 500 });
    expect(await second.sweepOnce()).toBe(true);
    const loaded = await second.publisher('main', 'p');
    expect(loaded).toBeInstanceOf(PublisherRecord);
    expect(loaded.find(1)).toEqual({
      session: 'first',
      epoch: log.epoch,
      log: 1,
      durability: 'disk',
      run: [1, 1, 1, 1],
    });
    await second.close();
    nowMs = 1_501;
    const third = await open('disk', { clock, publisherExpiryMs: 500 });
    await third.sweepOnce();
    expect((await third.publisher('main', 'p')).lastNumber).toBe(0);
    await third.close();
  });
});

describe('a store whose disk fills up', () => {
  it('refuses while less than the reserve is free, and goes on when there is room', async () => {
    let freeBytes = 1_000;
    let nowMs = 0;
    const asked: (() => void)[] = [];
    const store = await open('disk', {
      clock: () => nowMs,
      diskReserveBytes: 1_000,
      freeBytes: async () => {
        for (const resolve of asked.splice(0)) resolve();
        return freeBytes;
      },
    });
    const log = await store.createSession('main', 'first');
    const publisher = new TestPublisher(store.committer, log);
    expect(store.unavailable()).toMatchObject({ code: 'ERR_DISK_FULL' });
    expect((await publisher.publish(texts('a'))).error).toMatchObject({ code: 'ERR_DISK_FULL' });
    freeBytes = 1_000_000;
    nowMs = 999;
    expect(store.unavailable()).toMatchObject({ code: 'ERR_DISK_FULL' });
    nowMs = 1_000;
    const answered = new Promise<void>((resolve) => asked.push(resolve));
    expect(store.unavailable()?.message).toContain('diskReserveBytes=1000 must stay free');
    await answered;
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(store.unavailable()).toBeUndefined();
    expect(await publisher.publish(texts('a'))).toMatchObject({ firstSeq: 1, durability: 'disk' });
    await store.close();
  });

  it('counts what it has written since it asked', async () => {
    const store = await open('disk', { clock: () => 0, diskReserveBytes: 1_000, freeBytes: async () => 5_000 });
    const log = await store.createSession('main', 'first');
    const publisher = new TestPublisher(store.committer, log);
    expect((await publisher.publish(texts('x'.repeat(4_000)))).error).toBeUndefined();
    expect((await publisher.publish(texts('y'))).error).toMatchObject({ code: 'ERR_DISK_FULL' });
    await store.close();
  });

  it('goes on with the last answer when the disk gives none', async () => {
    let nowMs = 0;
    let asked = 0;
    const freeBytes = async (): Promise<number> => {
      asked += 1;
      if (asked > 1) throw new Error('input/output error');
      return 2 ** 40;
    };
    const store = await open('disk', { clock: () => nowMs, freeBytes });
    nowMs = 5_000;
    expect(store.unavailable()).toBeUndefined();
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect([asked, store.unavailable()]).toEqual([2, undefined]);
    await store.close();
  });
});
