import { describe, expect, it } from 'vitest';
import { blockBatches } from '../../actors/block-batches.js';
import { blockPayloadBytesMax, encodePayloads, limits } from '../../protocol/index.js';

describe('batches for blocks', () => {
  it('keep small payloads together and in order', () => {
    const payloads = ['a', 'b', 'c'].map((text) => Buffer.from(text));
    expect(blockBatches(payloads)).toEqual([payloads]);
  });

  it('each fit a block', () => {
    const payloads = Array.from({ length: 1_000 }, (_, index) => Buffer.alloc(900 + index));
    const batches = blockBatches(payloads);
    expect(batches.flat().every((payload, index) => payload === payloads[index])).toBe(true);
    expect(batches.flat()).toHaveLength(payloads.length);
    expect(batches.length).toBeGreaterThan(1);
    for (const batch of batches) expect(encodePayloads(batch).bytes.length).toBeLessThanOrEqual(blockPayloadBytesMax);
  });

  it('leave a payload that is larger than a block alone', () => {
    const large = Buffer.alloc(limits.payloadBytesMax);
    const small = Buffer.alloc(1);
    expect(blockBatches([small, large, small]).map((batch) => batch.length)).toEqual([1, 1, 1]);
  });

  it('hold at most as many messages as a block', () => {
    const payloads = Array.from({ length: limits.blockMessagesMax + 1 }, () => Buffer.alloc(0));
    expect(blockBatches(payloads).map((batch) => batch.length)).toEqual([limits.blockMessagesMax, 1]);
  });

  it('are none of nothing', () => {
    expect(blockBatches([])).toEqual([]);
  });
});
