import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayloads, sealBlock } from '../../protocol/index.js';
import type { Database } from '../../storage/database.js';
import { type LevelHandle, type Log, openLevel, type Page, type StorageError, Store } from '../../storage/index.js';
import { PageCache } from '../../storage/page-cache.js';
import { PageReader } from '../../storage/page-reader.js';
import { ReadSlots } from '../../storage/read-slots.js';
import { stretchOf } from '../../storage/stretch.js';
import { until } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

describe('a page reader whose disk hangs', () => {
  it('gives a read up when its deadline passes, and lets the next one have its turn', async () => {
    const late: (() => void)[] = [];
    const alarm = (_: number, ring: () => void) => {
      late.push(ring);
      return () => {};
    };
    const iterator = { nextv: () => new Promise(() => {}), close: async () => {} };
    const hanging = { iterator: () => iterator } as unknown as LevelHandle;
    const database = { read: (job: (level: LevelHandle) => Promise<Page>) => job(hanging) } as unknown as Database;
    const log = { number: 1, firstSeq: 1, lastSeq: 100 } as Log;
    const reader = new PageReader(database, new ReadSlots(1), 1024, alarm);
    const outcomes = [reader.read(log, 1, 100), reader.read(log, 50, 100)].map((read) =>
      read.catch((error: StorageError) => error.code),
    );
    late.shift()!();
    expect(await outcomes[0]).toBe('ERR_STORAGE_UNAVAILABLE');
    late.shift()!();
    expect(await outcomes[1]).toBe('ERR_STORAGE_UNAVAILABLE');
  });
});

describe('a store that reads pages', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let store: Store;
  let log: Log;
  let opened: LevelHandle;

  beforeEach(async () => {
    ({ directory, remove } = await temporaryDirectory());
    const remember = async (at: string): Promise<LevelHandle> => {
      opened = await openLevel(at);
      return opened;
    };
    store = await Store.open(storeOptions(directory, { openLevel: remember }));
    log = await store.createSession('main', 'first');
    const publisher = new TestPublisher(store.committer, log);
    for (let count = 0; count < 40; count += 1) {
      await publisher.publish(encodePayloads(Array.from({ length: 10 }, () => Buffer.alloc(2_500))));
    }
  });
  afterEach(async () => {
    await store.close();
    await remove();
  });

  it('reads about 256 KiB, and twice as much ahead, in contiguous pages', async () => {
    const pages: { firstSeq: number; lastSeq: number; bytes: number }[] = [];
    for (let next = 15; next <= 400; ) {
      const page = await store.read(log.number, next, 400);
      const { firstSeq } = page.stretches[0]!;
      const bytes = page.stretches.reduce((sum, stretch) => sum + stretch.bytes.length, 0);
      expect(firstSeq).toBeLessThanOrEqual(next);
      pages.push({ firstSeq, lastSeq: page.next - 1, bytes });
      next = page.next;
    }
    expect(pages.map(({ firstSeq }) => firstSeq)).toEqual([
      11,
      ...pages.slice(0, -1).map(({ lastSeq }) => lastSeq + 1),
    ]);
    expect(pages[pages.length - 1]!.lastSeq).toBe(400);
    const blockBytes = pages[0]!.bytes / 11;
    expect(pages.map(({ bytes }) => bytes / blockBytes)).toEqual([11, 21, 7]);
  });

  it('serves a number within a page that was read before without another read', async () => {
    const page = await store.read(log.number, 1, 400);
    const { reads } = store.stats();
    const inside = await store.read(log.number, 25, 400);
    expect(inside.stretches[0]).toBe(page.stretches[2]);
    expect(inside.next).toBe(page.next);
    expect(store.stats()).toMatchObject({ reads, cacheHits: 1 });
  });

  it('reads the next two pages ahead while the disk is idle', async () => {
    let { next } = await store.read(log.number, 1, 400);
    await until(() => store.stats().reads === 3, 'two more pages to be read');
    while (next <= 400) ({ next } = await store.read(log.number, next, 400));
    expect(store.stats()).toMatchObject({ reads: 3, cacheHits: 2 });
  });

  it('reads no page ahead that starts behind the last number wanted', async () => {
    const { next } = await store.read(log.number, 1, 120);
    await until(() => store.stats().reads === 2, 'one more page to be read');
    expect(next).toBeLessThanOrEqual(120);
    const page = await store.read(log.number, next, 120);
    expect(page.next).toBe(121);
    await store.read(log.number, 1, 120);
    expect(store.stats().reads).toBe(2);
  });

  it('reads each page once for all who follow on each other', async () => {
    const total =
      40 * sealBlock(1, 1, 0, [encodePayloads(Array.from({ length: 10 }, () => Buffer.alloc(2_500)))]).length;
    const follow = async (): Promise<void> => {
      for (let next = 1; next <= 400; ) ({ next } = await store.read(log.number, next, 400));
    };
    await Promise.all([follow(), follow(), follow()]);
    expect(store.stats().bytesRead).toBe(total);
  });

  it('shares one read among all who want the same page at the same time', async () => {
    const pages = await Promise.all(Array.from({ length: 50 }, () => store.read(log.number, 5, 400)));
    expect(new Set(pages.map(({ stretches }) => stretches[0])).size).toBe(1);
    expect(store.stats().reads).toBe(1);
  });

  it('ends a page with the block that holds the last number wanted', async () => {
    const page = await store.read(log.number, 5, 25);
    expect(page.stretches.map(({ lastSeq }) => lastSeq)).toEqual([10, 20, 30]);
    expect(page.next).toBe(31);
    expect((await store.read(log.number, 31, 10_000)).stretches[0]!.firstSeq).toBe(31);
  });

  it('reports no more loss than was asked for', async () => {
    const { number } = log;
    await store.close();
    store = await Store.open(storeOptions(directory));
    log = store.log(number)!;
    await store.committer.write([{ type: 'del', key: Buffer.from('0400000001000000000000001e', 'hex') }], 'os');
    expect(await store.read(number, 22, 24)).toEqual({
      stretches: [],
      lost: { from: 22, to: 24, reason: 'missing' },
      next: 25,
    });
    expect(await store.read(number, 22, 50)).toEqual({
      stretches: [],
      lost: { from: 22, to: 30, reason: 'missing' },
      next: 31,
    });
    const page = await store.read(number, 11, 20);
    expect([page.stretches.map(({ firstSeq }) => firstSeq), page.lost, page.next]).toEqual([[11], undefined, 21]);
  });

  it('calls what is before the first kept message retention', async () => {
    await opened.del(Buffer.from('0400000001000000000000000a', 'hex'));
    await store.close();
    store = await Store.open(storeOptions(directory));
    log = store.activeSession('main')!;
    expect([log.firstSeq, log.lastSeq]).toEqual([11, 400]);
    expect(await store.read(log.number, 3, 400)).toEqual({
      stretches: [],
      lost: { from: 3, to: 10, reason: 'retention' },
      next: 11,
    });
    expect(await store.read(log.number, 3, 5)).toEqual({
      stretches: [],
      lost: { from: 3, to: 5, reason: 'retention' },
      next: 6,
    });
  });

  it('says that a read has failed when that is no loss of messages', async () => {
    await opened.close();
    await expect(store.read(log.number, 1, 400)).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
  });
});

describe('a page cache', () => {
  function page(firstSeq: number, count: number): Page {
    const block = sealBlock(1, firstSeq, 0, [texts(...Array.from({ length: count }, () => 'xxxxxxxx'))]);
    return { stretches: [stretchOf(block)], next: firstSeq + count };
  }
  const pageBytes = 512 + 128 + 39 + 100;

  it('finds any page that holds a number', () => {
    const cache = new PageCache(100_000);
    const pages = [page(1, 10), page(11, 10), page(15, 2)];
    for (const one of pages) cache.add(1, one.stretches[0]!.firstSeq, one);
    expect(cache.find(1, 1)).toBe(pages[0]);
    expect(cache.find(1, 12)).toBe(pages[1]);
    expect(cache.find(1, 16)).toBe(pages[2]);
    expect(cache.find(1, 18)).toBe(pages[1]);
    expect(cache.find(1, 21)).toBeUndefined();
    expect(cache.find(2, 1)).toBeUndefined();
  });

  it('drops the pages that were not used for longest', () => {
    const cache = new PageCache(3 * pageBytes);
    for (const first of [1, 11, 21]) {
      cache.add(1, first, page(first, 10));
      for (let use = 0; use < 2; use += 1) cache.find(1, first);
    }
    expect(cache.bytes).toBe(3 * pageBytes);
    cache.find(1, 5);
    cache.add(2, 1, page(1, 10));
    expect(cache.bytes).toBe(3 * pageBytes);
    expect([cache.find(1, 11), cache.find(1, 1)?.next, cache.find(2, 1)?.next]).toEqual([undefined, 11, 11]);
  });

  it('replaces a page that starts at the same number', () => {
    const cache = new PageCache(100_000);
    cache.add(1, 1, page(1, 5));
    cache.add(1, 1, page(1, 10));
    expect(cache.find(1, 8)?.next).toBe(11);
    expect(cache.bytes).toBe(pageBytes);
  });

  it('keeps what was wanted twice for longer than what one reader has wanted', () => {
    const cache = new PageCache(8 * pageBytes);
    cache.add(1, 1, page(1, 10));
    cache.find(1, 1);
    cache.find(1, 1);
    for (const first of [11, 21, 31]) {
      cache.add(1, first, page(first, 10));
      cache.find(1, first);
    }
    expect([1, 11, 21, 31].map((seq) => cache.peek(1, seq)?.next)).toEqual([11, undefined, undefined, 41]);
    expect(cache.bytes).toBe(2 * pageBytes);
  });

  it('does not keep what is larger than itself', () => {
    const cache = new PageCache(pageBytes - 1);
    cache.add(1, 1, page(1, 10));
    expect([cache.bytes, cache.find(1, 1)]).toEqual([0, undefined]);
  });
});

describe('read slots', () => {
  it('let two jobs run at a time, first come first served, whatever becomes of them', async () => {
    const slots = new ReadSlots(2);
    const started: number[] = [];
    const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const jobs = [0, 1, 2, 3].map((job) =>
      slots.run(() => {
        started.push(job);
        return new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
      }),
    );
    expect(started).toEqual([0, 1]);
    ends[1]!.reject(new Error('broken'));
    await expect(jobs[1]).rejects.toThrow('broken');
    expect(started).toEqual([0, 1, 2]);
    ends[0]!.resolve();
    await jobs[0];
    expect(started).toEqual([0, 1, 2, 3]);
    for (const { resolve } of ends) resolve();
    await Promise.all([jobs[2], jobs[3]]);
    await slots.run(async () => started.push(4));
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });
});
