import { expect, it } from 'vitest';
import { encodePayloads, sealBlock } from '../../protocol/index.js';
import { Ring } from '../../storage/index.js';

it('counts what a small block takes in memory beside its few bytes', () => {
  const ring = new Ring(1024 * 1024, 1);
  const payloads = encodePayloads([Buffer.alloc(1)]);
  for (let seq = 1; seq <= 4_000; seq += 1) ring.push(sealBlock(1, seq, 0, [payloads]));
  expect(ring.lastSeq - ring.firstSeq + 1).toBeLessThan(2_000);
});
