import { describe, expect, it, vi } from 'vitest';
import { Framing } from '../../actors/framing.js';
import { sealBlock } from '../../protocol/index.js';
import { soupBin } from '../../protocol/soup/index.js';
import { filled } from './support.js';

const kibibyte = 1024;
const blockOf = (bytes: number) => sealBlock(7, 1, 1_000, [filled(1, bytes)]);

function framing(bytesMax: number) {
  const frame = vi.fn(soupBin.frame);
  return { frame, framing: new Framing({ ...soupBin, frame }, bytesMax) };
}

describe('a framing', () => {
  it('turns a block into packets once, for all its subscribers', () => {
    const { frame, framing: shared } = framing(64 * kibibyte);
    const block = blockOf(100);
    const [first, second] = [shared.of(block), shared.of(block)];
    expect(second.bytes).toBe(first.bytes);
    expect(frame).toHaveBeenCalledTimes(1);
  });

  it('keeps the newest packets, up to a bound', () => {
    const { frame, framing: shared } = framing(4 * kibibyte);
    const blocks = Array.from({ length: 10 }, () => blockOf(kibibyte));
    for (const block of blocks) {
      shared.of(block);
      expect(shared.bytes).toBeLessThanOrEqual(4 * kibibyte);
    }
    frame.mockClear();
    shared.of(blocks[9]!);
    expect(frame).not.toHaveBeenCalled();
    shared.of(blocks[0]!);
    expect(frame).toHaveBeenCalledTimes(1);
    expect(shared.bytes).toBeLessThanOrEqual(4 * kibibyte);
  });

  it('hands out packets that are too large to keep', () => {
    const { framing: shared } = framing(kibibyte);
    const block = blockOf(2 * kibibyte);
    expect(shared.of(block).bytes).toHaveLength(2 * kibibyte + 3);
    expect(shared.of(block).bytes).toHaveLength(2 * kibibyte + 3);
    expect(shared.bytes).toBe(0);
  });

  it('counts what it keeps when the same block is turned into packets again', () => {
    const { framing: shared } = framing(3 * kibibyte);
    const blocks = Array.from({ length: 3 }, () => blockOf(kibibyte));
    for (let round = 0; round < 100; round += 1) for (const block of blocks) shared.of(block);
    expect(shared.bytes).toBeGreaterThan(0);
    expect(shared.bytes).toBeLessThanOrEqual(3 * kibibyte);
  });
});
