import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.js';
import { type LevelHandle, type Log, type Operation, Store, type StoreOptions } from '../../storage/index.js';
import { KeyKind, kindRange, receiptKey, receiptPrefix } from '../../storage/keys.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { FaultDisk } from './fault-level.js';
import { storeOptions } from './store-under-test.js';

const publisherExpiryMs = 500;
let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;
let opened: LevelHandle;
let store: Store;
let log: Log;
let nowMs: number;
/** Receipts deleted, by batch. */
let deleted: number[];
let heard: () => void;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  disk = new FaultDisk();
  nowMs = 1_000;
  deleted = [];
  heard = () => {};
  await open();
  log = await store.createSession('main', 'first');
});
afterEach(async () => {
  await store.close();
  await remove();
});

async function open(more: Partial<StoreOptions> = {}): Promise<void> {
  const openLevel = async (): Promise<LevelHandle> => {
    opened = await disk.openLevel();
    const { batch } = opened;
    const watched = async (operations: Operation[], options: object): Promise<void> => {
      await Reflect.apply(batch, opened, [operations, options]);
      const receipts = operations.filter(({ type, key }) => type === 'del' && key[0] === KeyKind.RECEIPT);
      if (receipts.length > 0) deleted.push(receipts.length);
      heard();
    };
    return Object.assign(opened, { batch: watched });
  };
  const clock = (): number => nowMs;
  store = await Store.open(storeOptions(directory, { openLevel, clock, publisherExpiryMs, ...more }));
}

/** Publishers with one receipt each, of now, in a row. */
async function publish(prefix: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const record = await store.publisher('main', `${prefix}${index}`);
    record.record(log, [[1, 1, 1, 1]], 'os').written();
  }
  await store.saveReceipts();
}

async function receipts(): Promise<number> {
  return (await opened.keys(kindRange(KeyKind.RECEIPT)).all()).length;
}

/** Until the end of a round. @returns how many steps it took */
async function sweep(): Promise<number> {
  let steps = 1;
  while (await store.sweepOnce()) steps += 1;
  return steps;
}

describe('the sweeper of receipts', () => {
  it('forgets publishers that have not published for long, while the store is open', async () => {
    await publish('old', 3);
    nowMs += publisherExpiryMs;
    await publish('young', 2);
    await sweep();
    expect(await receipts()).toBe(5);
    nowMs += 1;
    await sweep();
    expect(await receipts()).toBe(2);
    expect((await store.publisher('main', 'old1')).lastNumber).toBe(0);
    expect((await store.publisher('main', 'young1')).lastNumber).toBe(1);
  });

  it('looks at some at a time, and then begins anew', async () => {
    await publish('p', 2_500);
    nowMs += publisherExpiryMs + 1;
    expect(await sweep()).toBe(4);
    expect([deleted, await receipts()]).toEqual([[1_000, 1_000, 500], 0]);
    await publish('p', 1);
    nowMs += publisherExpiryMs + 1;
    await sweep();
    expect(await receipts()).toBe(0);
  });

  it('deletes nothing when the store is opened, but in the background behind that', async () => {
    await publish('p', 1_500);
    await store.close();
    nowMs += publisherExpiryMs + 1;
    await open();
    expect([deleted, await receipts()]).toEqual([[], 1_500]);
    await store.close();
    const done = new Promise<void>((resolve) => {
      heard = () => deleted.length === 2 && resolve();
    });
    await open({ sweepMs: 60_000 });
    await done;
    expect(deleted).toEqual([1_000, 500]);
  });

  it('leaves what it cannot read', async () => {
    await opened.put(receiptKey(receiptPrefix('main', 'p'), 5), Buffer.from([0xc1]));
    nowMs += 10 * publisherExpiryMs;
    await sweep();
    expect((await store.publisher('main', 'p')).lastNumber).toBe(5);
  });

  it('leaves a publisher that goes on with what it publishes afterwards', async () => {
    const record = await store.publisher('main', 'p');
    for (const number of [1, 2]) {
      record.record(log, [[number, 1, number, 1]], 'os').written();
      await store.saveReceipts();
      nowMs += publisherExpiryMs + 1;
      await sweep();
    }
    expect(await receipts()).toBe(0);
    record.record(log, [[3, limits.publishesInFlightMax, 3, 1]], 'os').written();
    await store.saveReceipts();
    expect((await store.publisher('main', 'p')).lastNumber).toBe(2 + limits.publishesInFlightMax);
  });

  it.each(['no-space', 'fsync-lost', 'fsync-kept'] as const)(
    'begins anew after a write that failed (%s)',
    async (fault) => {
      await publish('p', 1_200);
      nowMs += publisherExpiryMs + 1;
      disk.failAt(disk.commits, fault);
      const first = await store.sweepOnce().catch((error) => error.code);
      expect(first).toBe(fault === 'fsync-kept' ? true : 'ERR_NOT_WRITTEN');
      await store.ready();
      await sweep();
      expect([await receipts(), disk.writesAfterFailure]).toEqual([0, 0]);
    },
  );

  it('waits while nothing can be written', async () => {
    await publish('p', 1);
    await store.close();
    nowMs += publisherExpiryMs + 1;
    await open({ diskReserveBytes: 10, freeBytes: async () => 5 });
    expect(await store.sweepOnce()).toBe(false);
    expect(await receipts()).toBe(1);
  });

  it('ends its round at a damaged key that points backwards', async () => {
    await publish('p', 3);
    const { iterator } = opened;
    const backwards = (options: object): unknown => {
      const made = Reflect.apply(iterator, opened, [options]) as { nextv(size: number): Promise<[Buffer, Buffer][]> };
      const { nextv } = made;
      return Object.assign(made, {
        nextv: async (size: number): Promise<[Buffer, Buffer][]> => {
          const some: [Buffer, Buffer][] = await Reflect.apply(nextv, made, [size]);
          return some.map(([, value]) => [Buffer.from([1]), value]);
        },
      });
    };
    Object.assign(opened, { iterator: backwards });
    expect(await sweep()).toBe(1);
  });
});
