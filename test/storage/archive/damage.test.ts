import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { footerBytes, packFooter, readIndexOffset } from '../../../storage/archive/archive-footer.js';
import {
  type ArchiveIndex,
  ArchiveReader,
  archiveSession,
  checkSession,
  restoreSession,
  verifyArchive,
} from '../../../storage/archive/index.js';
import type { Log, Store } from '../../../storage/index.js';
import { blockKey } from '../../../storage/keys.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { contents, deleteOrphans, endedSession, flipBit, numbered, openStore } from './stage.js';

let directory: string;
let remove: () => Promise<void>;
let path: string;
let disk: FaultDisk;
let store: Store;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  path = join(directory, 'archive');
  disk = new FaultDisk();
  store = await openStore(directory, disk);
});
afterEach(async () => {
  await store.close();
  await remove();
});

/** Turn a bit around in the value of the block that ends with `lastSeq`. */
async function damage(log: Log, lastSeq: number, byte: number): Promise<void> {
  const key = blockKey(log.number, lastSeq);
  const level = disk.level!;
  const value = Buffer.from((await level.get(key))!);
  value[byte]! ^= 0x10;
  await level.put(key, value);
}

const blocks = [numbered(4, 30, 1), numbered(3, 30, 5), numbered(2, 30, 8), numbered(1, 30, 10)];

describe('a bit that was flipped in the store', () => {
  it('is found wherever it is in a block, with the range it costs', async () => {
    const log = await endedSession(store, 's', blocks);
    const { digest } = await checkSession(store, log);
    const bytes = 39 + 3 * 32;
    for (let byte = 0; byte < bytes; byte += 1) {
      await damage(log, 7, byte);
      const { losses, lost } = await checkSession(store, log);
      expect({ byte, losses }).toEqual({ byte, losses: [{ from: 5, to: 7, reason: 'corrupt' }] });
      expect(store.summary(log)).toMatchObject({ lost, digest, bytes: expect.any(Number) });
      await damage(log, 7, byte);
    }
    expect(await checkSession(store, log)).toMatchObject({ lost: 0, losses: [], digest });
  });

  it('is found although the page is in memory, where readers still get it whole', async () => {
    const log = await endedSession(store, 's', blocks);
    expect(await contents(store, log)).toEqual(blocks.flat());
    await damage(log, 9, 50);
    expect(await contents(store, log)).toEqual(blocks.flat());
    expect(await checkSession(store, log)).toMatchObject({ losses: [{ from: 8, to: 9, reason: 'corrupt' }] });
  });

  it.each([
    ['at the start', 4, { from: 1, to: 4 }],
    ['in the middle', 7, { from: 5, to: 7 }],
    ['at the end', 10, { from: 10, to: 10 }],
  ])('%s is archived and restored as a hole, and all the rest is there', async (_, lastSeq, range) => {
    const log = await endedSession(store, 's', blocks);
    await damage(log, lastSeq, 45);
    const { index } = await archiveSession(store, log, path);
    const lost = { ...range, reason: 'corrupt' };
    expect(index).toMatchObject({ lost: [lost], lastSeq: 10, messages: 9 + range.from - range.to });
    expect(await verifyArchive(path)).toMatchObject({ damage: [] });
    const other = await openStore(directory, new FaultDisk());
    const restored = await restoreSession(other, path);
    expect(restored).toMatchObject({ lastSeq: 10, lost: range.to - range.from + 1 });
    const found = await contents(other, other.log(1)!);
    expect(found).toHaveLength(index.messages + 1);
    expect(found.filter((text) => text.includes('..') && / \w/.test(text))).toHaveLength(1);
    expect(await checkSession(other, other.log(1)!)).toMatchObject({ digest: index.digest, lost: restored.lost });
    await other.close();
  });
});

describe('a bit that was flipped in an archive', () => {
  beforeEach(async () => {
    await archiveSession(store, await endedSession(store, 's', blocks), path);
  });

  it('is found wherever it is', async () => {
    const bytes = await readFile(path);
    const { index } = await verifyArchive(path);
    const chunkEnd = index.chunks[0]!.bytes;
    for (let byte = 0; byte < bytes.length; byte += 1) {
      const flipped = Buffer.from(bytes);
      flipped[byte]! ^= 1 << (byte % 8);
      await writeFile(path, flipped);
      const found = await verifyArchive(path).then(
        ({ damage }) => damage,
        (error) => error.code,
      );
      const expected = byte < chunkEnd ? [{ from: 1, to: 10, reason: 'corrupt' }] : 'ERR_NOT_AN_ARCHIVE';
      expect({ byte, found }).toEqual({ byte, found: expected });
    }
  });

  it('costs its own chunk only, and is told with its range', async () => {
    const big = Array.from({ length: 30 }, (_, index) => numbered(10, 12_000, 10 * index + 1));
    const file = join(directory, 'big');
    const { index } = await archiveSession(store, await endedSession(store, 'big', big), file);
    const { offset, bytes, firstSeq, lastSeq } = index.chunks[1]!;
    await flipBit(file, offset + Math.floor(bytes / 2), 3);
    const { damage } = await verifyArchive(file);
    expect(damage).toEqual([{ from: firstSeq, to: lastSeq, reason: 'corrupt' }]);
    const reader = await ArchiveReader.open(file);
    let messages = 0;
    for await (const { blocks: found } of reader.parts()) messages += found.length * 10;
    await reader.close();
    expect(messages).toBe(300 - (lastSeq - firstSeq + 1));
  });

  it('keeps the archive from being restored, and nothing is left of the attempt', async () => {
    await flipBit(path, 20);
    const other = await openStore(directory, new FaultDisk());
    await expect(restoreSession(other, path)).rejects.toMatchObject({
      code: 'ERR_ARCHIVE_DAMAGED',
      message: expect.stringContaining('messages 1 to 10'),
    });
    expect(other.sessions()).toEqual([]);
    await deleteOrphans(other);
    await other.close();
  });
});

describe('an index that somebody else has written', () => {
  type Written = Record<keyof ArchiveIndex, unknown> & Pick<ArchiveIndex, 'chunks'>;

  /** The archive with another index, whose digest is right. */
  async function rewrite(change: (index: Written) => void): Promise<void> {
    const bytes = await readFile(path);
    const offset = readIndexOffset(bytes.subarray(-footerBytes), bytes.length)!;
    const index = JSON.parse(gunzipSync(bytes.subarray(offset, -footerBytes)).toString()) as Written;
    change(index);
    const member = gzipSync(JSON.stringify(index));
    await writeFile(path, Buffer.concat([bytes.subarray(0, offset), member, packFooter(offset, member)]));
  }

  beforeEach(async () => {
    await archiveSession(store, await endedSession(store, 's', blocks), path);
  });

  it.each<[string, (index: Written) => void]>([
    ['a chunk that is none', (index) => index.chunks.push(null as never)],
    ['a loss that is none', (index) => Object.assign(index, { lost: [null] })],
    [
      'chunks that overlap',
      (index) => {
        const [chunk] = index.chunks;
        const end = chunk!.bytes + 10;
        index.chunks = [
          { ...chunk!, bytes: end, lastSeq: 5 },
          { ...chunk!, offset: end, bytes: -10, firstSeq: 6 },
        ];
      },
    ],
    [
      'a loss for an unknown reason',
      (index) => Object.assign(index, { lost: [{ from: 11, to: 12, reason: 'fun' }], lastSeq: 12 }),
    ],
    ['a start before the epoch', (index) => Object.assign(index, { createdMs: -1 })],
    ['less than no bytes', (index) => Object.assign(index, { bytes: -1 })],
    ['a reason that is a novel', (index) => Object.assign(index, { reason: 'x'.repeat(513) })],
    ['a mark that is none', (index) => Object.assign(index, { discarded: 'yes' })],
    ['a reason that is no text', (index) => Object.assign(index, { discarded: true, discardReason: {} })],
  ])('is refused: %s', async (_, change) => {
    await rewrite(change);
    const refusal = { code: 'ERR_NOT_AN_ARCHIVE', message: expect.stringContaining('is no archive') };
    await expect(verifyArchive(path)).rejects.toMatchObject(refusal);
    const other = await openStore(directory, new FaultDisk());
    await expect(restoreSession(other, path)).rejects.toMatchObject(refusal);
    await other.close();
  });

  it('is taken when it is as ours', async () => {
    await rewrite(() => {});
    expect((await verifyArchive(path)).damage).toEqual([]);
  });
});
