import { blockFirstSeq, blockHeaderBytes, blockPayloads, readBlockHeader, sealBlock, splitBlocks } from './block.js';
import { skipBin } from './payloads.js';

/** The messages of whole blocks, which lie back to back, as blocks of one message each, back to back. */
export function singleBlocks(blocks: Buffer): Buffer {
  const singles: Buffer[] = [];
  for (const block of splitBlocks(blocks).blocks) {
    const { count } = blockPayloads(block);
    if (count === 1) singles.push(block);
    else addSingles(singles, block);
  }
  return singles.length === 1 ? singles[0]! : Buffer.concat(singles);
}

function addSingles(singles: Buffer[], block: Buffer): void {
  const { log, timeMs } = readBlockHeader(block);
  let seq = blockFirstSeq(block);
  for (let start = blockHeaderBytes; start < block.length; seq += 1) {
    const end = skipBin(block, start);
    singles.push(sealBlock(log, seq, timeMs, [{ bytes: block.subarray(start, end), count: 1 }]));
    start = end;
  }
}
