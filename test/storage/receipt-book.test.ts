import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Durability } from '../../protocol/index.js';
import { type LevelHandle, type Log, type Operation, Store, type StoreOptions } from '../../storage/index.js';
import { blockKey, KeyKind, kindRange } from '../../storage/keys.js';
import { ReceiptBook, receiptsSeqKey } from '../../storage/receipt-book.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { FaultDisk } from './fault-level.js';
import { endSession, storeOptions, TestPublisher } from './store-under-test.js';

type Write = (operations: Operation[], options: { sync: boolean }) => Promise<void>;

let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;
let opened: LevelHandle;
let store: Store;
let log: Log;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  disk = new FaultDisk();
  await open();
  log = await store.createSession('main', 'first');
});
afterEach(async () => {
  await store.close();
  await remove();
});

/** Open what is on the disk, whatever has become of the store that was there: a crash. */
async function open(more: Partial<StoreOptions> = {}): Promise<void> {
  const openLevel = async (): Promise<LevelHandle> => {
    opened = await disk.openLevel();
    return opened;
  };
  store = await Store.open(storeOptions(directory, { openLevel, ...more }));
  log = store.activeSession('main') ?? log;
}

async function publish(publisher: string, count: number, durability: Durability = 'disk'): Promise<void> {
  const writer = new TestPublisher(store.committer, log, await store.publisher('main', publisher));
  for (let index = 0; index < count; index += 1) await writer.publish(texts('a', 'b'), durability);
}

async function lastNumber(publisher: string): Promise<number> {
  return (await store.publisher('main', publisher)).lastNumber;
}

async function rows(): Promise<number> {
  return (await opened.keys(kindRange(KeyKind.RECEIPT)).all()).length;
}

/** Hold the next write of how far receipts are in rows back until it is released; resolves when it has come. */
function holdNextPosition(): { come: Promise<void>; release: () => void } {
  const { committer } = store;
  const write = committer.write.bind(committer);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const come = new Promise<void>((resolve) => {
    const held: typeof write = async (operations, durability) => {
      if (operations[0]!.key.equals(receiptsSeqKey(log.number))) {
        Object.assign(committer, { write });
        resolve();
        await released;
      }
      await write(operations, durability);
    };
    Object.assign(committer, { write: held });
  });
  return { come, release };
}

describe('the receipts of a store', () => {
  it('are written with their blocks, and in rows only when it is time', async () => {
    await publish('p', 3);
    expect([await rows(), log.receiptsSeq]).toEqual([0, 0]);
    await store.saveReceipts();
    expect([await rows(), log.receiptsSeq]).toEqual([1, 6]);
    await publish('p', 1);
    expect([await rows(), await lastNumber('p')]).toEqual([1, 4]);
  });

  it('are found after a crash, those in rows and those behind them', async () => {
    await publish('p', 2);
    await publish('q', 1);
    await store.saveReceipts();
    await publish('p', 2);
    await publish('r', 1);
    await open();
    expect(await Promise.all(['p', 'q', 'r', 's'].map(lastNumber))).toEqual([4, 1, 1, 0]);
    const record = await store.publisher('main', 'p');
    expect([1, 2, 3, 4].map((number) => record.find(number)?.run)).toEqual([
      [1, 1, 1, 2],
      [2, 1, 3, 2],
      [3, 1, 7, 2],
      [4, 1, 9, 2],
    ]);
  });

  it('are found after one crash more, when nothing was written in between', async () => {
    await publish('p', 2);
    await open();
    await open();
    expect([await lastNumber('p'), await rows()]).toEqual([2, 0]);
  });

  it('are all in rows after a clean end, so that a start need not look for them', async () => {
    await publish('p', 2);
    await store.close();
    await open();
    expect([await rows(), log.receiptsSeq, await lastNumber('p')]).toEqual([1, 4, 2]);
  });

  it('outlive the session they are of', async () => {
    await publish('p', 2);
    log = await store.rollSession(log, { session: 'second', reason: 'rolled' });
    await publish('p', 1);
    await open();
    const record = await store.publisher('main', 'p');
    expect([record.find(2)?.session, record.find(3)?.session]).toEqual(['first', 'second']);
  });

  it('are in rows before blocks are put together without them', async () => {
    await publish('p', 3);
    await endSession(store, log);
    while (await store.coalesceOnce());
    expect((await opened.keys(kindRange(KeyKind.BLOCK)).all()).length).toBe(1);
    await open();
    expect(await lastNumber('p')).toBe(3);
  });

  it.each([
    ['put together without them', async () => expect(await store.coalesceOnce()).toBe(true)],
    ['removed', () => store.keeping.remove(log)],
  ])('are in rows before blocks are %s, those that came while rows were being written too', async (_, goOn) => {
    await publish('p', 1);
    const position = holdNextPosition();
    const saved = store.saveReceipts();
    await position.come;
    await publish('p', 1);
    await store.rollSession(log, { session: 'next', reason: 'over' });
    const gone = goOn();
    position.release();
    await Promise.all([saved, gone]);
    while (await store.keeping.deleteOrphansOnce());
    await open();
    expect(await lastNumber('p')).toBe(2);
  });

  it.each(['disk', 'os'] as const)(
    'are as durable in rows as they were with their blocks: a %s store',
    async (level) => {
      await open({ durability: level });
      const synced: boolean[] = [];
      const batch = opened.batch.bind(opened) as unknown as Write;
      const written: Write = (operations, options) => {
        if (operations[0]!.key[0] === KeyKind.RECEIPT) synced.push(options.sync);
        return batch(operations, options);
      };
      Object.assign(opened, { batch: written });
      for (const durability of ['os', 'disk', 'os', 'os'] as const) {
        await publish('p', 1, durability);
        await store.saveReceipts();
      }
      expect(synced).toEqual(level === 'disk' ? [true, true, true, true] : [false, true, false, false]);
    },
  );

  it('are found after another crash when the log had become shorter than their rows say', async () => {
    await publish('p', 1, 'os');
    const last = disk.commits;
    await publish('p', 1, 'os');
    await store.saveReceipts();
    disk.loseCommit(last);
    await open();
    expect([log.lastSeq, log.receiptsSeq]).toEqual([2, 2]);
    await publish('q', 1);
    await open();
    expect([log.lastSeq, await lastNumber('q')]).toEqual([4, 1]);
  });

  it('are on record when the write of their block failed, and it was there all the same', async () => {
    const record = await store.publisher('main', 'p');
    disk.failAt(disk.commits, 'fsync-kept');
    disk.failingOpens = 1;
    await new TestPublisher(store.committer, log, record).publish(texts('a'), 'disk');
    await store.ready();
    expect([await lastNumber('p'), log.lastSeq]).toEqual([1, 1]);
    await publish('p', 1);
    await open();
    expect(await lastNumber('p')).toBe(2);
  });

  it('are gone with a block whose own are damaged, and only they', async () => {
    await publish('p', 1);
    await publish('q', 1);
    const key = blockKey(log.number, 2);
    const value = Buffer.from((await opened.get(key))!);
    value[value.length - 1]! ^= 1;
    await store.committer.write([{ type: 'put', key, value }], 'disk');
    await open();
    expect([await lastNumber('p'), await lastNumber('q')]).toEqual([0, 1]);
    const page = await store.read(log.number, 1, 4);
    expect([page.lost, page.next]).toEqual([undefined, 5]);
  });

  it.each(['no-space', 'fsync-lost', 'fsync-kept'] as const)(
    'are saved later when a write fails (%s)',
    async (fault) => {
      await publish('p', 2);
      disk.failAt(disk.commits, fault);
      const first = await store.saveReceipts().then(
        () => 'saved',
        (error) => error.code,
      );
      expect(first).toBe(fault === 'fsync-kept' ? 'saved' : 'ERR_NOT_WRITTEN');
      await store.ready();
      await publish('p', 1);
      await store.saveReceipts();
      expect(log.receiptsSeq).toBe(6);
      await open();
      expect([await lastNumber('p'), disk.writesAfterFailure]).toEqual([3, 0]);
    },
  );
});

describe('a receipt book', () => {
  const mebibyte = 1024 * 1024;

  it.each([
    ['128 MiB', { bytesWritten: 128 * mebibyte, commits: 1, syncedBlocks: 1 }],
    ['100 000 blocks', { bytesWritten: mebibyte, commits: 100_000, syncedBlocks: 1 }],
  ])('is due when %s were written since the last time', async (_, counters) => {
    const book = new ReceiptBook(() => 1_000, pino({ level: 'silent' }));
    const { bytesWritten, commits } = counters;
    const less = { bytesWritten: Math.min(bytesWritten, 127 * mebibyte), commits: Math.min(commits, 99_999) };
    expect(book.isDue({ ...counters, ...less })).toBe(false);
    expect(book.isDue(counters)).toBe(true);
    await book.save({ write: async () => {}, counters: { ...counters, batches: 1 } }, () => []);
    expect(book.isDue(counters)).toBe(false);
  });

  it('is due at once when a crash has left receipts that are in no row', async () => {
    await publish('p', 1);
    const book = new ReceiptBook(() => 1_000, pino({ level: 'silent' }));
    const nothing = { bytesWritten: 0, commits: 0, syncedBlocks: 0 };
    const takeIn = await book.find(opened, [log], () => 0);
    expect(book.isDue(nothing)).toBe(false);
    takeIn();
    expect(book.isDue(nothing)).toBe(true);
  });
});
