import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { blockFirstSeq, blockHeaderBytes, blockLastSeq, sealBlock } from '../../protocol/index.js';
import { blockKey } from '../../storage/keys.js';
import { planCoalescing } from '../../storage/plan-coalescing.js';
import { readPage } from '../../storage/read-page.js';
import { readSealedValue, sealValue } from '../../storage/sealed-value.js';
import { blocksOf } from '../../storage/stretch.js';
import { texts } from '../support/payloads.js';

const log = 3;
const blocks = [1, 3, 4].map((firstSeq, index) => block(firstSeq, [2, 3, 6][index]!));
const value = sealValue(blocks);

/** A block of messages [firstSeq..lastSeq]. */
function block(firstSeq: number, lastSeq: number, ofLog = log): Buffer {
  return sealBlock(ofLog, firstSeq, 0, [texts(...Array.from({ length: lastSeq - firstSeq + 1 }, () => 'message'))]);
}

function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset]! ^= 0x10;
  return copy;
}

describe('a sealed value', () => {
  it('is read as one stretch of its blocks, unchanged', () => {
    const stretch = readSealedValue(value, log)!;
    expect([stretch.firstSeq, stretch.lastSeq]).toEqual([1, 6]);
    expect(blocksOf(stretch)).toEqual(blocks);
  });

  it('is none when any bit of it was flipped', () => {
    for (let offset = 0; offset < value.length; offset += 1) {
      expect(readSealedValue(flipped(value, offset), log), `byte ${offset}`).toBeUndefined();
    }
  });

  it('is none when it was cut off anywhere', () => {
    for (let end = 0; end < value.length; end += 1)
      expect(readSealedValue(value.subarray(0, end), log)).toBeUndefined();
  });

  it('is not believed in another log, nor when its blocks leave a gap', () => {
    expect(readSealedValue(value, log + 1)).toBeUndefined();
    expect(readSealedValue(sealValue([block(1, 2), block(4, 5)]), log)).toBeUndefined();
  });

  it('cannot be made by a payload that ends like one', () => {
    const inner = sealValue([block(1, 2)]);
    const [outer] = [sealBlock(log, 1, 0, [texts(inner.toString('latin1'))])];
    expect(readSealedValue(outer!, log)).toBeUndefined();
    const forged = sealValue([outer!]).subarray(0, outer!.length);
    expect(readSealedValue(forged, log)).toBeUndefined();
  });
});

describe('a page of sealed values', () => {
  it('loses the one block in which a bit was flipped, and no more, wherever it is', async () => {
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    await level.put(blockKey(log, 7), block(7, 7));
    let offset = 0;
    for (const one of blocks) {
      // A flipped length tears the value: the blocks behind it cannot be found any more.
      for (let at = 4; at < one.length; at += 1) {
        await level.put(blockKey(log, 6), flipped(value, offset + at));
        const page = await readPage(level, log, 1, 7);
        const lost = { from: blockFirstSeq(one), to: blockLastSeq(one), reason: 'corrupt' };
        expect(page.lost, `byte ${at} of block ${lost.from}`).toEqual(lost);
        expect(page.stretches.at(-1)?.lastSeq ?? 0).toBe(lost.from - 1);
        const rest = await readPage(level, log, page.next, 7);
        expect([rest.next, rest.lost]).toEqual([8, undefined]);
      }
      offset += one.length;
    }
    await level.close();
  });

  it('loses nothing when only its seal is damaged', async () => {
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    for (let at = value.length - 8; at < value.length; at += 1) {
      await level.put(blockKey(log, 6), flipped(value, at));
      const page = await readPage(level, log, 1, 6);
      expect(page.stretches.flatMap(blocksOf)).toEqual(blocks);
      expect([page.lost, page.next]).toEqual([undefined, 7]);
    }
    await level.close();
  });
});

describe('the coalescer', () => {
  it('puts sealed values together under one seal', () => {
    const entries: [Buffer, Buffer][] = [
      [blockKey(log, 6), value],
      [blockKey(log, 7), block(7, 7)],
    ];
    const { operations } = planCoalescing(entries, 0, false);
    const [put] = operations;
    expect(put).toEqual({ type: 'put', key: blockKey(log, 7), value: sealValue([...blocks, block(7, 7)]) });
  });

  it('does not seal a block whose type or log was damaged, which no crc of its own covers', () => {
    for (const at of [5, 10]) {
      const entries = [block(1, 1), flipped(block(2, 2), at), block(3, 3)].map((one): [Buffer, Buffer] => [
        blockKey(log, blockLastSeq(one)),
        one,
      ]);
      expect(planCoalescing(entries, 0, false).operations).toEqual([]);
      expect(entries[1]![1].length).toBeGreaterThan(blockHeaderBytes);
    }
  });
});
