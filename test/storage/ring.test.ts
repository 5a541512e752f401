import { describe, expect, it } from 'vitest';
import { blockFirstSeq, encodePayloads, sealBlock } from '../../protocol/index.js';
import { Ring } from '../../storage/index.js';
import { blockOverheadBytes } from '../../storage/ring.js';

const payload = Buffer.alloc(10);

/** A block of `count` messages of 12 encoded bytes each, after a header of 39. */
function block(firstSeq: number, count: number): Buffer {
  return sealBlock(1, firstSeq, 0, [encodePayloads(Array.from({ length: count }, () => payload))]);
}

function starts(blocks: Buffer[]): number[] {
  return blocks.map(blockFirstSeq);
}

describe('a ring', () => {
  it('is empty in front of the number it starts at', () => {
    const ring = new Ring(1000, 8);
    expect([ring.firstSeq, ring.lastSeq, ring.bytes, ring.has(7), ring.has(8)]).toEqual([8, 7, 0, false, false]);
    expect(() => ring.take(8, 1000)).toThrow('ring holds [8..7], asked for 8');
  });

  it('takes the block that holds a number, and those behind it that fit', () => {
    const ring = new Ring(10_000, 1);
    for (const [firstSeq, count] of [
      [1, 2],
      [3, 1],
      [4, 3],
      [7, 1],
    ] as const)
      ring.push(block(firstSeq, count));
    expect(starts(ring.take(1, 10_000))).toEqual([1, 3, 4, 7]);
    expect(starts(ring.take(2, 63 + 51))).toEqual([1, 3]);
    expect(starts(ring.take(2, 63 + 50))).toEqual([1]);
    expect(starts(ring.take(5, 1))).toEqual([4]);
    expect(starts(ring.take(7, 10_000))).toEqual([7]);
    expect(() => ring.take(8, 1)).toThrow(RangeError);
  });

  it('evicts its oldest blocks to stay within its bytes', () => {
    const blockBytes = 51 + blockOverheadBytes;
    const ring = new Ring(3 * blockBytes, 1);
    for (let seq = 1; seq <= 5000; seq += 1) {
      ring.push(block(seq, 1));
      expect(ring.bytes).toBe(Math.min(seq, 3) * blockBytes);
      expect([ring.firstSeq, ring.lastSeq]).toEqual([Math.max(1, seq - 2), seq]);
      expect(starts(ring.take(ring.firstSeq, 1000))).toEqual([seq - 2, seq - 1, seq].filter((start) => start > 0));
    }
  });

  it('keeps the newest block whatever its size', () => {
    const ring = new Ring(60, 1);
    ring.push(block(1, 1));
    ring.push(block(2, 50));
    expect([ring.firstSeq, ring.lastSeq, ring.bytes]).toEqual([2, 51, 639 + blockOverheadBytes]);
    expect(starts(ring.take(30, 0))).toEqual([2]);
  });

  it('refuses a block that does not follow on the last one', () => {
    const ring = new Ring(1000, 1);
    expect(() => ring.push(block(2, 1))).toThrow('contiguous');
    ring.push(block(1, 2));
    expect(() => ring.push(block(2, 1))).toThrow('contiguous');
  });

  it('starts again behind what was lost on its way', () => {
    const ring = new Ring(1000, 1);
    ring.push(block(1, 2));
    ring.reset(10);
    expect([ring.firstSeq, ring.lastSeq, ring.bytes]).toEqual([10, 9, 0]);
    ring.push(block(10, 1));
    expect(starts(ring.take(10, 1000))).toEqual([10]);
  });
});
