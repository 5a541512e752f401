import { describe, expect, it } from 'vitest';
import { contiguousBlocks, contiguousStretches } from '../../actors/contiguous-blocks.js';
import { blockFirstSeq, blockLastSeq, splitBlocks } from '../../protocol/index.js';
import { type Stretch, stretchOf } from '../../storage/index.js';
import { blockOf } from './support.js';

const blocks = [blockOf(1, 3), blockOf(4, 2), blockOf(6, 4)];

function ranges(given: Buffer[]): [number, number][] {
  return given
    .flatMap((bytes) => splitBlocks(bytes).blocks)
    .map((block) => [blockFirstSeq(block), blockLastSeq(block)]);
}

describe('contiguous blocks', () => {
  it('are the blocks themselves where all of them is wanted', () => {
    const found = contiguousBlocks('reader', blocks, 1);
    expect(found.every((block, index) => block === blocks[index])).toBe(true);
    expect(found.length).toBe(3);
  });

  it('start with the number wanted', () => {
    expect(ranges(contiguousBlocks('reader', blocks.slice(0, 2), 2))).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });

  it('fail loudly over a gap, and over what was read before', () => {
    expect(() => contiguousBlocks('reader', [blocks[0]!, blocks[2]!], 1)).toThrow('reader wants 4, read 6..9');
    expect(() => contiguousBlocks('reader', blocks, 4)).toThrow('reader wants 4, read 1..3');
  });
});

describe('contiguous stretches', () => {
  const stretches: Stretch[] = [
    { bytes: Buffer.concat(blocks), firstSeq: 1, lastSeq: 9 },
    stretchOf(blockOf(10, 2)),
    stretchOf(blockOf(12, 1)),
  ];

  it('are their own bytes where all of them is wanted, however many blocks they are', () => {
    const found = contiguousStretches('reader', stretches, 1);
    expect(found.every((bytes, index) => bytes === stretches[index]!.bytes)).toBe(true);
    expect(found.length).toBe(3);
  });

  it('are cut at both ends, and end where the range does', () => {
    expect(ranges(contiguousStretches('reader', stretches, 2, 10))).toEqual([
      [2, 3],
      [4, 5],
      [6, 9],
      [10, 10],
    ]);
    expect(ranges(contiguousStretches('reader', stretches, 5, 7))).toEqual([
      [5, 5],
      [6, 7],
    ]);
    expect(ranges(contiguousStretches('reader', stretches, 2, 2))).toEqual([[2, 2]]);
  });

  it('fail loudly over a gap, and over what was read before', () => {
    expect(() => contiguousStretches('reader', [stretches[0]!, stretches[2]!], 1)).toThrow('wants 10, read 12..12');
    expect(() => contiguousStretches('reader', stretches, 10)).toThrow('reader wants 10, read 1..9');
  });
});
