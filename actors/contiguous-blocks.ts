import { blockFirstSeq, blockLastSeq, sliceBlock } from '../protocol/index.js';

/**
 * What of these blocks holds [from..to]: the first and the last are cut where they reach beyond, blocks behind `to` are
 * left out. Every delivery goes through here, so nothing is skipped or repeated unnoticed.
 * @param reader who wants them, for the error
 * @throws Error when the blocks do not go on from `from` without a gap: a bug of who read them
 */
export function contiguousBlocks(
  reader: string,
  blocks: readonly Buffer[],
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): Buffer[] {
  const contiguous: Buffer[] = [];
  let next = from;
  for (const block of blocks) {
    const firstSeq = blockFirstSeq(block);
    const lastSeq = blockLastSeq(block);
    if (firstSeq > to) break;
    if (firstSeq > next || lastSeq < next) throw new Error(`${reader} wants ${next}, read ${firstSeq}..${lastSeq}`);
    const end = Math.min(lastSeq, to);
    contiguous.push(firstSeq === next && lastSeq === end ? block : sliceBlock(block, next, end));
    next = end + 1;
  }
  return contiguous;
}
