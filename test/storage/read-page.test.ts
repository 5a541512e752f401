import { MemoryLevel } from 'memory-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockFirstSeq, blockLastSeq, sealBlock } from '../../protocol/index.js';
import { blocksOf, type LevelHandle, type Page } from '../../storage/index.js';
import { blockKey } from '../../storage/keys.js';
import { readPage } from '../../storage/read-page.js';
import { texts } from '../support/payloads.js';

const log = 3;
let level: LevelHandle;

beforeEach(() => {
  level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
});
afterEach(() => level.close());

/** A block of messages [firstSeq..lastSeq]. */
function block(firstSeq: number, lastSeq: number, ofLog = log): Buffer {
  const values = Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => `message ${firstSeq + index}`);
  return sealBlock(ofLog, firstSeq, 0, [texts(...values)]);
}

async function put(...blocks: Buffer[]): Promise<void> {
  await level.put(blockKey(log, blockLastSeq(blocks[blocks.length - 1]!)), Buffer.concat(blocks));
}

function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset]! ^= 0x10;
  return copy;
}

function outline({ stretches, lost, next }: Page): unknown {
  return { ranges: stretches.flatMap(blocksOf).map((one) => [blockFirstSeq(one), blockLastSeq(one)]), lost, next };
}

const read = async (from: number, lastSeq: number): Promise<unknown> =>
  outline(await readPage(level, log, from, lastSeq));

describe('a page read from the log', () => {
  it('starts with the block that holds the number and ends with the log', async () => {
    await put(block(1, 3));
    await put(block(4, 4), block(5, 6), block(7, 7));
    await put(block(8, 9));
    expect(await read(1, 9)).toEqual({
      ranges: [
        [1, 3],
        [4, 4],
        [5, 6],
        [7, 7],
        [8, 9],
      ],
      next: 10,
    });
    expect(await read(6, 9)).toEqual({
      ranges: [
        [5, 6],
        [7, 7],
        [8, 9],
      ],
      next: 10,
    });
    expect(await read(9, 9)).toEqual({ ranges: [[8, 9]], next: 10 });
  });

  it('leaves out what is not durable yet, and other logs', async () => {
    await put(block(1, 2));
    await put(block(3, 4));
    await level.put(blockKey(log + 1, 1), block(1, 1, log + 1));
    expect(await read(1, 2)).toEqual({ ranges: [[1, 2]], next: 3 });
    expect(await read(3, 4)).toEqual({ ranges: [[3, 4]], next: 5 });
  });

  it('is about 256 KiB', async () => {
    const large = (seq: number): Buffer => sealBlock(log, seq, 0, [texts('x'.repeat(100_000))]);
    for (let seq = 1; seq <= 9; seq += 1) await put(large(seq));
    expect(await read(2, 9)).toEqual({
      ranges: [
        [2, 2],
        [3, 3],
        [4, 4],
      ],
      next: 5,
    });
  });

  it('reports a hole with its exact range', async () => {
    await put(block(3, 4));
    await put(block(9, 9));
    expect(await read(1, 9)).toEqual({ ranges: [], lost: { from: 1, to: 2, reason: 'missing' }, next: 3 });
    expect(await read(4, 9)).toEqual({ ranges: [[3, 4]], lost: { from: 5, to: 8, reason: 'missing' }, next: 9 });
    expect(await read(7, 12)).toEqual({ ranges: [], lost: { from: 7, to: 8, reason: 'missing' }, next: 9 });
    expect(await read(9, 12)).toEqual({ ranges: [[9, 9]], lost: { from: 10, to: 12, reason: 'missing' }, next: 13 });
  });

  it('reports nothing but missing when all of it is gone', async () => {
    expect(await read(2, 5)).toEqual({ ranges: [], lost: { from: 2, to: 5, reason: 'missing' }, next: 6 });
  });

  it('reports a flipped bit anywhere in a block as the loss of that block and no more', async () => {
    const damaged = block(4, 6);
    await put(block(1, 3));
    await put(block(7, 9));
    for (let offset = 0; offset < damaged.length; offset += 1) {
      await level.put(blockKey(log, 6), flipped(damaged, offset));
      const lost = { from: 4, to: 6, reason: 'corrupt' };
      expect(await read(2, 9), `bit of byte ${offset}`).toEqual({ ranges: [[1, 3]], lost, next: 7 });
      expect(await read(5, 9)).toEqual({ ranges: [], lost: { ...lost, from: 5 }, next: 7 });
      expect(await read(7, 9)).toEqual({ ranges: [[7, 9]], next: 10 });
    }
  });

  it('serves the good blocks around a damaged one in the same value', async () => {
    const damaged = flipped(block(4, 6), 50);
    await put(block(1, 3), damaged, block(7, 9));
    expect(await read(1, 9)).toEqual({ ranges: [[1, 3]], lost: { from: 4, to: 6, reason: 'corrupt' }, next: 7 });
    expect(await read(7, 9)).toEqual({ ranges: [[7, 9]], next: 10 });
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['garbage', Buffer.alloc(100, 0xff)],
    ['torn', block(4, 6).subarray(0, 60)],
    ['a block of another log', block(4, 6, 9)],
  ])('reports a value that is %s as corrupt, up to its key', async (_, value) => {
    await put(block(1, 3));
    await level.put(blockKey(log, 6), value);
    await put(block(7, 7));
    expect(await read(1, 7)).toEqual({ ranges: [[1, 3]], lost: { from: 4, to: 6, reason: 'corrupt' }, next: 7 });
    expect(await read(5, 7)).toEqual({ ranges: [], lost: { from: 5, to: 6, reason: 'corrupt' }, next: 7 });
  });

  it('does not believe a key that is beyond the end of the log', async () => {
    await put(block(1, 3));
    await level.put(blockKey(log, 2 ** 40), block(4, 6));
    expect(await read(1, 6)).toEqual({
      ranges: [
        [1, 3],
        [4, 6],
      ],
      next: 7,
    });
  });

  it('passes what LevelDB refuses to read, and loses no more than that', async () => {
    for (let seq = 1; seq <= 40; seq += 1) await put(block(seq, seq));
    refuse(level, 11, 29);
    const pages: unknown[] = [];
    for (let next = 1; next <= 40; ) {
      const page = await readPage(level, log, next, 40);
      expect(page.next).toBeGreaterThan(next);
      pages.push([page.stretches.length, page.lost]);
      next = page.next;
    }
    expect(pages).toEqual([
      [10, undefined],
      [0, { from: 11, to: 29, reason: 'corrupt' }],
      [11, undefined],
    ]);
  });

  it('loses the rest when LevelDB refuses to read up to the end', async () => {
    for (let seq = 1; seq <= 7; seq += 1) await put(block(seq, seq));
    refuse(level, 4, 7);
    expect(await read(6, 7)).toEqual({ ranges: [], lost: { from: 6, to: 7, reason: 'corrupt' }, next: 8 });
    expect(await read(4, 7)).toEqual({ ranges: [], lost: { from: 4, to: 7, reason: 'corrupt' }, next: 8 });
  });

  it('does not take another kind of failure for a loss', async () => {
    await put(block(1, 1));
    await level.close();
    await expect(read(1, 1)).rejects.toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' });
  });
});

/** From now on whoever would be given one of these messages gets LevelDB's error instead. */
function refuse(target: LevelHandle, from: number, to: number): void {
  const { iterator } = target;
  const broken = (options: object): unknown => {
    const made = Reflect.apply(iterator, target, [options]) as { nextv(size: number): Promise<[Buffer, Buffer][]> };
    const { nextv } = made;
    return Object.assign(made, {
      nextv: async (size: number): Promise<[Buffer, Buffer][]> => {
        const some: [Buffer, Buffer][] = await Reflect.apply(nextv, made, [size]);
        const isRefused = some.some(([, value]) => blockLastSeq(value) >= from && blockLastSeq(value) <= to);
        if (isRefused) throw new Error('Corruption: block checksum mismatch');
        return some;
      },
    });
  };
  Object.assign(target, { iterator: broken });
}
