import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePayloads } from '../../../protocol/index.js';
import { checkSession } from '../../../storage/archive/index.js';
import { Store } from '../../../storage/index.js';
import { texts } from '../../support/payloads.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { storeOptions, TestPublisher } from '../store-under-test.js';
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
    await store.endSession(log, 'enough');
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
    expect(store.sessions()).toEqual([]);
    expect(await store.createSession('main', 'next')).toMatchObject({ number: 2 });
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

  it('is followed by the first one behind it that is still there', async () => {
    store = await openStore(directory, new FaultDisk());
    const first = await store.createSession('main', '1');
    const second = await store.rollSession(first, { session: '2', reason: 'enough' });
    const third = await store.rollSession(second, { session: '3', reason: 'enough' });
    const next = () => store.summary(first).next;
    expect(next()).toBe('2');
    await store.keeping.remove(first);
    expect(next()).toBe('2');
    await store.keeping.remove(second);
    expect(next()).toBe('3');
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
    expect(store.findSession('main', 'gone')).toBeUndefined();
    await store.keeping.remove(log);
    const next = await store.createSession('main', 'next');
    expect(await new TestPublisher(store.committer, next).publish(texts('c'))).toMatchObject({ firstSeq: 1 });
  });
});
