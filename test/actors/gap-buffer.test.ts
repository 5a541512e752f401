import { describe, expect, it } from 'vitest';
import { GapBuffer } from '../../actors/gap-buffer.js';
import { Ring } from '../../storage/index.js';
import { blockOf, textsIn } from './support.js';

/** Messages 1..5 in blocks [1..2] [3..5]; the first block has left the ring when `small`. */
function ringOf({ small = false } = {}): Ring {
  const ring = new Ring(small ? 1 : 10_000, 1);
  ring.push(blockOf(1, 2));
  ring.push(blockOf(3, 3));
  return ring;
}

describe('a gap buffer', () => {
  it('gives out nothing beyond the last number it was told of, although the ring has more', () => {
    const gap = new GapBuffer(ringOf(), 2);
    expect(gap.take(3, 1_000)).toEqual([]);
    gap.committed(5);
    expect(textsIn(gap.take(3, 1_000))).toEqual(['3', '4', '5']);
  });

  it('ignores notices that are older than what it knows', () => {
    const gap = new GapBuffer(ringOf(), 5);
    gap.committed(2);
    expect(gap.head).toBe(5);
  });

  it('has lost what has left the ring', () => {
    const gap = new GapBuffer(ringOf({ small: true }), 5);
    expect([1, 2, 3, 5].map((seq) => gap.hasLost(seq))).toEqual([true, true, false, false]);
  });

  it('has not lost what is not committed yet, even when the ring is empty', () => {
    const gap = new GapBuffer(new Ring(10_000, 8), 7);
    expect([7, 8, 9].map((seq) => gap.hasLost(seq))).toEqual([true, false, false]);
  });

  it('gives out whole blocks from the one that holds the number, up to the bytes asked for', () => {
    const gap = new GapBuffer(ringOf(), 5);
    expect(textsIn(gap.take(2, 1))).toEqual(['1', '2']);
    expect(textsIn(gap.take(2, 1_000))).toEqual(['1', '2', '3', '4', '5']);
  });
});
