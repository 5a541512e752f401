import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splitBlocks } from '../../../protocol/index.js';
import {
  ArchiveReader,
  archiveName,
  archiveSession,
  checkSession,
  restoreSession,
  verifyArchive,
} from '../../../storage/archive/index.js';
import type { Log, Store } from '../../../storage/index.js';
import { texts } from '../../support/payloads.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { TestPublisher } from '../store-under-test.js';
import { contents, endedSession, flipBit, numbered, openStore } from './stage.js';

let directory: string;
let remove: () => Promise<void>;
let path: string;
let store: Store;
let other: Store;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  path = join(directory, 'archives', archiveName('main', '2026112101'));
  store = await openStore(directory, new FaultDisk());
  other = await openStore(directory, new FaultDisk());
});
afterEach(async () => {
  await store.close();
  await other.close();
  await remove();
});

/** The large blocks do not fit one chunk. */
const blocks = [
  ['a', '', 'c'],
  ...Array.from({ length: 12 }, (_, index) => numbered(10, 20_000, 100 * index)),
  ['x'.repeat(900_000)],
  ['last'],
];
const all = blocks.flat();

function makeSession(of = store): Promise<Log> {
  return endedSession(of, '2026112101', blocks);
}

const filesThere = () => readdir(join(directory, 'archives'));

describe('an archive', () => {
  it('holds the whole session in one file, with facts and digest, and puts on record that it does', async () => {
    const log = await makeSession();
    const { index, fileBytes } = await archiveSession(store, log, path);
    expect(await filesThere()).toEqual(['main-2026112101.latecomer.gz']);
    expect((await readFile(path)).length).toBe(fileBytes);
    const { digest } = await checkSession(store, log);
    expect(index).toMatchObject({
      ...{ source: 'main', session: '2026112101', epoch: log.epoch, reason: 'enough' },
      ...{ lastSeq: all.length, messages: all.length, lost: [], digest },
    });
    expect(index.chunks.length).toBeGreaterThan(2);
    expect(index.bytes).toBeGreaterThan(fileBytes);
    expect(store.summary(log)).toMatchObject({ archivedMs: expect.any(Number), digest, lost: 0, bytes: index.bytes });
    expect(await verifyArchive(path)).toMatchObject({ damage: [], fileBytes });
  });

  it('is gzip: decompressed as a whole it is the blocks, then the index', async () => {
    const { index } = await archiveSession(store, await makeSession(), path);
    const content = gunzipSync(await readFile(path));
    const { blocks: found, end } = splitBlocks(content.subarray(0, index.bytes));
    expect([end, found.length]).toEqual([index.bytes, blocks.length]);
    expect(JSON.parse(content.subarray(index.bytes).toString())).toEqual(index);
  });

  it('of an active session is refused', async () => {
    const log = await store.createSession('main', '2026112101');
    await expect(archiveSession(store, log, path)).rejects.toMatchObject({ code: 'ERR_SESSION_ACTIVE' });
  });

  it('of a session without messages is an index and nothing else', async () => {
    const log = await endedSession(store, '2026112101', []);
    const { index } = await archiveSession(store, log, path);
    expect(index).toMatchObject({ lastSeq: 0, messages: 0, chunks: [] });
    await restoreSession(other, path);
    expect(other.sessions()).toMatchObject([{ state: 'ended', firstSeq: 1, lastSeq: 0 }]);
  });

  it('that is made again is the same file, untouched', async () => {
    const log = await makeSession();
    await archiveSession(store, log, path);
    const before = await readFile(path);
    await archiveSession(store, log, path);
    expect(await readFile(path)).toEqual(before);
    await archiveSession(store, log, join(directory, 'again'));
    expect(await readFile(join(directory, 'again'))).toEqual(before);
  });

  it('does not replace the archive of another session', async () => {
    await archiveSession(store, await makeSession(), path);
    const log = await endedSession(other, '2026112101', [['something', 'else']]);
    await checkSession(other, log);
    const before = await readFile(path);
    await expect(archiveSession(other, log, path)).rejects.toMatchObject({ code: 'ERR_ARCHIVE_EXISTS' });
    expect(await readFile(path)).toEqual(before);
  });

  it('that has become damaged, or holds less than the session, is made anew', async () => {
    const log = await makeSession();
    const { index } = await archiveSession(store, log, path);
    await flipBit(path, 1000);
    await archiveSession(store, log, path);
    expect(await verifyArchive(path)).toMatchObject({ damage: [], index });
  });

  it('is not taken for that of another session whose name its file has', async () => {
    await archiveSession(store, await makeSession(), path);
    const only = { source: 'main', session: '2026112102' };
    await expect(restoreSession(other, path, { only })).rejects.toMatchObject({ code: 'ERR_NOT_AN_ARCHIVE' });
    expect(other.sessions()).toEqual([]);
  });

  it('that is missing, empty, cut short or something else is told apart from a good one', async () => {
    await expect(verifyArchive(path)).rejects.toMatchObject({ code: 'ERR_NO_ARCHIVE' });
    await archiveSession(store, await makeSession(), path);
    const bytes = await readFile(path);
    for (const content of [Buffer.alloc(0), bytes.subarray(0, -1), bytes.subarray(66), Buffer.alloc(100_000)]) {
      await writeFile(path, content);
      await expect(ArchiveReader.open(path)).rejects.toMatchObject({ code: 'ERR_NOT_AN_ARCHIVE' });
    }
  });
});

describe('the digest of a session', () => {
  it('is SHA-256 over the msgpack bin values of its payloads', async () => {
    const log = await endedSession(store, 's', [['a', 'bc'], ['']]);
    const { digest } = await checkSession(store, log);
    const encoded = Buffer.from([0xc4, 1, 0x61, 0xc4, 2, 0x62, 0x63, 0xc4, 0]);
    expect(digest).toBe(createHash('sha256').update(encoded).digest('hex'));
  });

  it('does not depend on how the session was cut into blocks, coalesced, archived and restored', async () => {
    const log = await endedSession(store, 's', blocks);
    const { digest } = await checkSession(store, log);
    while (await store.coalesceOnce());
    expect((await checkSession(store, log)).digest).toBe(digest);
    const cutOtherwise = await endedSession(store, 't', [all.slice(0, 7), all.slice(7, -1), all.slice(-1)]);
    expect((await checkSession(store, cutOtherwise)).digest).toBe(digest);
    const { index } = await archiveSession(store, log, path);
    expect(index.digest).toBe(digest);
    const restored = await restoreSession(other, path);
    expect((await checkSession(other, other.log(restored.log)!)).digest).toBe(digest);
  });
});

describe('a restored session', () => {
  it('has the messages, times and end of the original, in an epoch and a log of its own', async () => {
    const original = await makeSession();
    await archiveSession(store, original, path);
    const before = store.summary(original);
    await endedSession(other, 'another', [['one']]);
    const summary = await restoreSession(other, path);
    const { createdMs, endedMs, reason, lastSeq, digest, bytes } = before;
    expect(summary).toMatchObject({ state: 'ended', createdMs, endedMs, reason, firstSeq: 1, lastSeq, digest, bytes });
    expect(summary.epoch).not.toBe(before.epoch);
    expect(summary.log).toBe(3);
    expect(await contents(other, other.log(3)!)).toEqual(all);
    expect(await other.coalesceOnce()).toBe(true);
    expect(await contents(other, other.log(3)!)).toEqual(all);
  });

  it('stands where it stood in time, and is not the newest one of its source', async () => {
    await archiveSession(store, await makeSession(), path);
    const now = await openStore(directory, new FaultDisk(), { clock: () => 5_000_000 });
    await now.createSession('main', '2026112202');
    await restoreSession(now, path);
    expect(now.sessions('main').map(({ session }) => session)).toEqual(['2026112101', '2026112202']);
    expect(now.findSession('main', '')).toMatchObject({ session: '2026112202' });
    expect(now.activeSession('main')).toMatchObject({ session: '2026112202' });
    await now.close();
  });

  it('is still one that is not to be used, and has the one behind it in time', async () => {
    const log = await store.createSession('main', '2026112101');
    const next = await store.rollSession(log, { session: '2026112102', reason: 'nonsense', discardReason: 'nonsense' });
    await archiveSession(store, log, path);
    expect(await restoreSession(other, path)).toMatchObject({ reason: 'nonsense', discarded: true });
    await store.keeping.remove(log);
    await restoreSession(store, path);
    expect(store.findSession('main', '2026112101')).toMatchObject({ discarded: true, next: next.session });
    expect(store.activeSession('main')).toBe(next);
  });

  it('is there after a restart', async () => {
    await archiveSession(store, await makeSession(), path);
    const disk = new FaultDisk();
    const first = await openStore(directory, disk);
    const summary = await restoreSession(first, path);
    disk.losePower(0);
    const second = await openStore(directory, disk);
    expect(second.sessions()).toEqual([summary]);
    expect(await contents(second, second.log(1)!)).toEqual(all);
    expect(await second.keeping.deleteOrphansOnce()).toBe(false);
    await second.close();
  });

  it('is refused where there is a session of that name, and has the name from when it is begun', async () => {
    await archiveSession(store, await makeSession(), path);
    await expect(restoreSession(store, path)).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS' });
    const quicker = { code: 'ERR_SESSION_EXISTS' };
    const pause = () => expect(other.createSession('main', '2026112101')).rejects.toMatchObject(quicker);
    await restoreSession(other, path, { pause });
    expect(other.sessions()).toMatchObject([{ lastSeq: all.length }]);
    expect(await other.keeping.deleteOrphansOnce()).toBe(false);
  });

  it('leaves the disk to those who publish when it gets full', async () => {
    await archiveSession(store, await makeSession(), path);
    const full = await openStore(directory, new FaultDisk(), { freeBytes: async () => 0 });
    await expect(restoreSession(full, path)).rejects.toMatchObject({ code: 'ERR_DISK_FULL' });
    expect(full.sessions()).toEqual([]);
    await full.close();
  });

  it('does not keep those who publish waiting', async () => {
    await archiveSession(store, await makeSession(), path);
    const log = await other.createSession('live', 'today');
    const publisher = new TestPublisher(other.committer, log);
    let restored = false;
    const restoring = restoreSession(other, path).then(() => {
      restored = true;
    });
    let published = 0;
    while (!restored) published += (await publisher.publish(texts('live'))).error ? 0 : 1;
    await restoring;
    expect(published).toBeGreaterThan(3);
    expect(log.lastSeq).toBe(published);
  });
});
