import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodePayloads, sealBlock, singleBlocks, sliceBlock, splitBlocks } from '../../protocol/index.js';
import { payloads } from './arbitraries.js';

test('each message of whole blocks becomes the block that a cut around it would be', () => {
  fc.assert(
    fc.property(fc.array(payloads, { minLength: 1, maxLength: 5 }), (contents) => {
      const blocks: Buffer[] = [];
      const expected: Buffer[] = [];
      let seq = 5;
      for (const [index, content] of contents.entries()) {
        const block = sealBlock(7, seq, 1_000 + index, [encodePayloads(content)]);
        blocks.push(block);
        for (let end = seq + content.length; seq < end; seq += 1) expected.push(sliceBlock(block, seq, seq));
      }
      expect(splitBlocks(singleBlocks(Buffer.concat(blocks))).blocks).toEqual(expected);
    }),
  );
});

test('a block of one message stays as it is', () => {
  const block = sealBlock(7, 1, 1_000, [encodePayloads([Buffer.from('x')])]);
  expect(singleBlocks(block)).toEqual(block);
});
