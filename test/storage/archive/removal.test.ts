import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayloads } from '../../../protocol/index.js';
import { archiveSession, checkSession, restoreSession } from '../../../storage/archive/index.js';
import { Store } from '../../../storage/index.js';
import { texts } from '../../support/payloads.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { endSession, storeOptions, TestPublisher } from '../store-under-test.js';
import { contents, deleteOrphans, endedSession, openStore } from './stage.js';

const mebibyte = 1024 * 1024;
let directory: string;
let remove: () => Promise<void>;
let store: Store;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(async () => {
  await store.close();
  await remove();
});

async function bytesOnDisk(): Promise<number> {
  const files = await readdir(directory);
  const sizes = await Promise.all(
    files.map((file) =>
      stat(join(directory, file)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('a session that is removed', () => {
  it('gives its room back to the disk', async () => {
    store = await Store.open(storeOptions(directory));
    const log = await store.createSession('main', 'large');
    const publisher = new TestPublisher(store.committer, log);
    for (let block = 0; block < 60; block += 1) {
      await publisher.publish(encodePayloads(Array.from({ length: 10 }, () => randomBytes(100_000))));
    }
    await endSession(store, log);
    const kept = await endedSession(store, 'kept', [['a', 'b']]);
    expect(await bytesOnDisk()).toBeGreaterThan(55 * mebibyte);
    await store.keeping.remove(log);
    await deleteOrphans(store);
    // The journal of the newest messages is kept until it is full.
    expect(await bytesOnDisk()).toBeLessThan(20 * mebibyte);
    expect(await contents(store, kept)).toEqual(['a', 'b']);
  });

  it('is not there after a restart, and its number is not used again while anything of it is left', async () => {
    const disk = new FaultDisk();
    store = await openStore(directory, disk);
    const log = await endedSession(store, 'gone', [['a']]);
    await store.keeping.remove(log);
    await store.close();
    store = await openStore(directory, disk);
    expect(store.sessions()).toMatchObject([{ session: 'behind gone', log: 2 }]);
    expect(await store.createSession('other', 'next')).toMatchObject({ number: 3 });
  });

  it('is not brought back by small blocks that are put together meanwhile', async () => {
    const disk = new FaultDisk();
    store = await openStore(directory, disk);
    const log = await endedSession(store, 'gone', [['a'], ['b'], ['c'], ['d']]);
    const coalescing = store.coalesceOnce();
    await store.keeping.remove(log);
    await Promise.all([coalescing, deleteOrphans(store)]);
    await deleteOrphans(store);
    expect(await disk.level!.keys({ gte: Buffer.from([4]) }).all()).toEqual([]);
  });

  it('keeps its place between the others, so that who is told to go on with it hears what it misses', async () => {
    store = await openStore(directory, new FaultDisk());
    const first = await store.createSession('main', '1');
    const second = await store.rollSession(first, { session: '2', reason: 'enough' });
    const third = await store.rollSession(second, { session: '3', reason: 'enough' });
    const next = () => store.summary(first).next;
    expect(next()).toBe('2');
    await store.keeping.remove(first);
    expect(next()).toBe('2');
    await store.keeping.remove(second);
    expect([next(), store.summary(second).next]).toEqual(['2', '3']);
    expect(store.summary(third).next).toBeUndefined();
    expect(store.sessions().map(({ session }) => session)).toEqual(['3']);
  });

  it('can be ended, read and described by those who still know it', async () => {
    store = await openStore(directory, new FaultDisk());
    const log = await endedSession(store, 'gone', [['a', 'b']]);
    await store.keeping.remove(log);
    expect(store.log(log.number)).toBe(log);
    expect(store.summary(log)).toMatchObject({ session: 'gone', state: 'ended', firstSeq: 3, lastSeq: 2 });
    expect(await contents(store, log)).toEqual(['1..2 retention']);
    await expect(checkSession(store, log)).rejects.toMatchObject({ code: 'ERR_SESSION_REMOVED' });
    log.releaseRing();
    await store.keeping.remove(log);
    const next = store.activeSession('main')!;
    expect(await new TestPublisher(store.committer, next).publish(texts('c'))).toMatchObject({ firstSeq: 1 });
  });

  it('is known by its name after a restart: all of it is lost, how it ended, and what is behind it', async () => {
    const disk = new FaultDisk();
    store = await openStore(directory, disk);
    const log = await endedSession(store, 'gone', [['a', 'b']]);
    const { epoch } = log;
    await store.keeping.remove(log);
    const removed = store.findSession('main', 'gone');
    const end = { state: 'ended', reason: 'enough', firstSeq: 3, lastSeq: 2, next: 'behind gone', epoch };
    expect(removed).toMatchObject({ ...end, removedMs: expect.any(Number) });
    await store.close();
    store = await openStore(directory, disk);
    expect(store.findSession('main', 'gone')).toEqual(removed);
    expect(await contents(store, store.log(removed!.log)!)).toEqual(['1..2 retention']);
    expect(store.findSession('main', '')).toMatchObject({ session: 'behind gone' });
    const again = { session: 'gone', reason: 'enough' };
    const rolled = store.rollSession(store.activeSession('main')!, again);
    await expect(rolled).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS' });
  });

  it('can be restored in its place, more than once', async () => {
    const disk = new FaultDisk();
    store = await openStore(directory, disk);
    const path = join(directory, 'archive');
    let log = await endedSession(store, 'gone', [['a', 'b']]);
    await archiveSession(store, log, path);
    for (let time = 1; time <= 2; time += 1) {
      await store.keeping.remove(log);
      const restored = await restoreSession(store, path);
      expect(restored).toMatchObject({ firstSeq: 1, lastSeq: 2, next: 'behind gone' });
      expect(restored).not.toHaveProperty('removedMs');
      expect(await store.read(log.number, 1, 2), 'who still reads the one that was removed').toMatchObject({
        lost: { from: 1, to: 2, reason: 'retention' },
      });
      log = store.log(restored.log)!;
      expect(await contents(store, log)).toEqual(['a', 'b']);
    }
    await deleteOrphans(store);
    await store.close();
    store = await openStore(directory, disk);
    expect(store.sessions().map(({ session }) => session)).toEqual(['gone', 'behind gone']);
    expect(store.sessionNames('main').sort()).toEqual(['behind gone', 'gone']);
  });

  it('is forgotten when a thousand others of its source have been removed behind it', async () => {
    const disk = new FaultDisk();
    store = await openStore(directory, disk);
    await endedSession(store, 'other', [['a']], 'other');
    await store.keeping.remove(store.log(1)!);
    let log = await store.createSession('main', '1');
    for (let number = 2; number <= 1_002; number += 1) {
      const next = await store.rollSession(log, { session: `${number}`, reason: 'enough' });
      await store.keeping.remove(log);
      log = next;
    }
    const known = () => [store.sessionNames('main').length, store.findSession('main', '1')?.session];
    expect(known()).toEqual([1_001, undefined]);
    expect(store.findSession('main', '2')).toMatchObject({ next: '3' });
    expect(await store.read(3, 1, 7)).toMatchObject({ lost: { from: 1, to: 7, reason: 'retention' }, next: 8 });
    await store.close();
    store = await openStore(directory, disk);
    expect(known()).toEqual([1_001, undefined]);
    expect(store.findSession('other', 'other')).toMatchObject({ removedMs: expect.any(Number) });
  });
});
