import { describe, expect, it } from 'vitest';
import { contiguousBlocks } from '../../actors/contiguous-blocks.js';
import { blockFirstSeq, blockLastSeq } from '../../protocol/index.js';
import { blockOf } from './support.js';

const blocks = [blockOf(1, 3), blockOf(4, 2), blockOf(6, 4)];

function ranges(given: Buffer[]): [number, number][] {
  return given.map((block) => [blockFirstSeq(block), blockLastSeq(block)]);
}

describe('contiguous blocks', () => {
  it('are the blocks themselves where all of them is wanted', () => {
    const found = contiguousBlocks('reader', blocks, 1);
    expect(found.every((block, index) => block === blocks[index])).toBe(true);
    expect(found.length).toBe(3);
  });

  it('are cut at both ends, and end where the range does', () => {
    expect(ranges(contiguousBlocks('reader', blocks, 2, 4))).toEqual([
      [2, 3],
      [4, 4],
    ]);
    expect(ranges(contiguousBlocks('reader', blocks, 2, 2))).toEqual([[2, 2]]);
  });

  it('fail loudly over a gap, and over what was read before', () => {
    expect(() => contiguousBlocks('reader', [blocks[0]!, blocks[2]!], 1)).toThrow('reader wants 4, read 6..9');
    expect(() => contiguousBlocks('reader', blocks, 4)).toThrow('reader wants 4, read 1..3');
  });
});
