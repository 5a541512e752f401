import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockFirstSeq } from '../../protocol/index.js';
import { blocksOf, cutStretch, type LevelHandle, type Log, openLevel, Store } from '../../storage/index.js';
import { blockKey, blocksEnd, readBlockKey } from '../../storage/keys.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { endSession, storeOptions, TestPublisher } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;
let opened: LevelHandle;
let store: Store;
let log: Log;
let publisher: TestPublisher;

async function openStore(ringBytesMax: number): Promise<void> {
  const remember = async (at: string): Promise<LevelHandle> => {
    opened = await openLevel(at);
    return opened;
  };
  store = await Store.open(storeOptions(directory, { ringBytesMax, openLevel: remember }));
  log = store.activeSession('main') ?? (await store.createSession('main', 'first'));
  publisher = new TestPublisher(store.committer, log);
}

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  await openStore(1000);
});
afterEach(async () => {
  await store.close();
  await remove();
});

async function publish(count: number, payloadBytes: number): Promise<void> {
  const last = log.lastSeq + count;
  while (log.lastSeq < last) await publisher.publish(texts('x'.repeat(payloadBytes)));
}

/** Last number and size of every value of the log. */
async function values(): Promise<[number, number][]> {
  const found = await opened.iterator({ gte: blockKey(log.number, 0), lt: blocksEnd(log.number) }).all();
  return found.map(([key, value]) => [readBlockKey(key)!.lastSeq, value.length]);
}

async function blocks(): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for (let next = 1; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    expect(page.lost).toBeUndefined();
    found.push(...page.stretches.flatMap(blocksOf).filter((block) => blockFirstSeq(block) >= next));
    next = page.next;
  }
  return found;
}

async function coalesceAll(): Promise<number> {
  let steps = 0;
  while (await store.coalesceOnce()) steps += 1;
  return steps;
}

describe('the coalescer', () => {
  it('puts the cold blocks of a log into values of about 64 KiB, not a byte of them changed', async () => {
    await publish(300, 1000);
    const before = await blocks();
    await store.close();
    await openStore(1000);
    await coalesceAll();
    const sizes = await values();
    expect(sizes.length).toBeLessThan(8);
    for (const [, bytes] of sizes.slice(0, -2)) expect(bytes).toBeGreaterThan(60_000);
    for (const [, bytes] of sizes) expect(bytes).toBeLessThanOrEqual(65_536);
    await store.close();
    await openStore(1000);
    const after = await blocks();
    expect(after.map(String)).toEqual(before.map(String));
    const page = await store.read(log.number, 150, 150);
    expect(page.stretches.flatMap((one) => cutStretch(one, 150, 150)).map(blockFirstSeq)).toEqual([150]);
    expect(log.lastSeq).toBe(300);
  });

  it('leaves what the ring still holds, and a rest that is too little, for later', async () => {
    await publish(20, 500);
    await coalesceAll();
    expect((await values()).length).toBe(20);
    await publish(60, 500);
    await coalesceAll();
    expect((await values()).map(([lastSeq]) => lastSeq).slice(-2)).toEqual([79, 80]);
    expect((await values()).length).toBeLessThan(10);
    const size = store.stats().coalesced;
    await coalesceAll();
    expect(store.stats().coalesced).toBe(size);
  });

  it('finishes a session that has ended', async () => {
    await publish(30, 100);
    await endSession(store, log);
    await coalesceAll();
    expect((await values()).map(([lastSeq]) => lastSeq)).toEqual([30]);
    expect((await blocks()).length).toBe(30);
  });

  it('goes on where it was, after a restart', async () => {
    await publish(300, 1000);
    await coalesceAll();
    const done = await values();
    await store.close();
    await openStore(1000);
    expect(await coalesceAll()).toBeLessThan(2);
    expect((await values()).slice(0, 3)).toEqual(done.slice(0, 3));
  });

  it('does not rewrite large values', async () => {
    await publish(6, 100_000);
    await endSession(store, log);
    expect(await coalesceAll()).toBe(2);
    expect(store.stats().coalesced).toBe(0);
    expect((await values()).length).toBe(6);
    expect(await coalesceAll()).toBe(0);
  });

  it('does not look through large values again after a clean end', async () => {
    await publish(3, 200);
    await coalesceAll();
    await publish(20, 100_000);
    await coalesceAll();
    await store.close();
    await openStore(1000);
    expect(await coalesceAll()).toBe(0);
  });

  it('leaves a damaged value, and what is around it, as it is', async () => {
    await publish(30, 100);
    const key = blockKey(log.number, 10);
    const damaged = Buffer.from((await opened.get(key))!);
    damaged[60]! ^= 1;
    await opened.put(key, damaged);
    await opened.del(blockKey(log.number, 20));
    await endSession(store, log);
    await coalesceAll();
    expect((await values()).map(([lastSeq]) => lastSeq)).toEqual([9, 10, 19, 30]);
    const losses: unknown[] = [];
    for (let next = 1; next <= 30; ) {
      const page = await store.read(log.number, next, 30);
      if (page.lost) losses.push(page.lost);
      next = page.next;
    }
    expect(losses).toEqual([
      { from: 10, to: 10, reason: 'corrupt' },
      { from: 20, to: 20, reason: 'missing' },
    ]);
  });
});

describe('the coalescer in the background', () => {
  it('starts by itself and goes on until nothing is left to do', async () => {
    await publish(100, 1000);
    await store.close();
    let finished = (): void => {};
    const done = new Promise<void>((resolve) => {
      finished = resolve;
    });
    const watched = async (at: string): Promise<LevelHandle> => {
      opened = await openLevel(at);
      const { batch } = opened;
      return Object.assign(opened, {
        batch: async (operations: { type: string }[], options: object): Promise<void> => {
          await Reflect.apply(batch, opened, [operations, options]);
          if (operations.filter(({ type }) => type === 'del').length > 5) finished();
        },
      });
    };
    store = await Store.open(storeOptions(directory, { coalesceMs: 1, openLevel: watched }));
    await done;
    log = store.activeSession('main')!;
    expect((await values()).length).toBeLessThan(100);
  });
});

describe('a crash or a failed write while values are put together', () => {
  const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];

  it.each(faults)('changes nothing that is read back (%s)', async (fault) => {
    const disk = new FaultDisk({ atCommit: 33, fault });
    const options = { openLevel: disk.openLevel, outcomeDeadlineMs: 60_000 };
    const wait = (ms: number, signal: AbortSignal): Promise<void> =>
      ms < 60_000 ? Promise.resolve() : new Promise((_, reject) => signal.addEventListener('abort', reject));
    const faulty = await Store.open(storeOptions(directory, { ...options, wait }));
    const written = await faulty.createSession('main', 'first');
    const own = new TestPublisher(faulty.committer, written);
    for (let seq = 1; seq <= 30; seq += 1) await own.publish(texts(`message ${seq}`));
    await endSession(faulty, written);
    expect(disk.commits).toBe(33);
    await Promise.race([
      faulty.coalesceOnce().catch((error) => expect(error).toMatchObject({ code: 'ERR_NOT_WRITTEN' })),
      disk.crashed,
    ]);
    if (fault.startsWith('crash')) disk.losePower(fault === 'crash-after' ? 1 : 0);
    else await faulty.close();
    const again = await Store.open(storeOptions(directory, { openLevel: disk.openLevel }));
    for (let round = 0; round < 2; round += 1) {
      const page = await again.read(1, 1, 30);
      expect([page.stretches.flatMap(blocksOf).map(blockFirstSeq), page.lost, page.next]).toEqual([
        Array.from({ length: 30 }, (_, index) => index + 1),
        undefined,
        31,
      ]);
      await again.coalesceOnce();
    }
    await again.close();
  });
});
