import { blockFirstSeq, blockLastSeq, sliceBlock, splitBlocks } from '../protocol/index.js';

/**
 * Whole blocks of a log, back to back in one Buffer, with no gap between them: what is read, held and written as one
 * piece, however many blocks it is. Treat the Buffer as frozen.
 */
export interface Stretch {
  bytes: Buffer;
  firstSeq: number;
  lastSeq: number;
}

/** One block, as a stretch. */
export function stretchOf(block: Buffer): Stretch {
  return { bytes: block, firstSeq: blockFirstSeq(block), lastSeq: blockLastSeq(block) };
}

/** The blocks of a stretch, as views. */
export function blocksOf({ bytes }: Stretch): Buffer[] {
  return splitBlocks(bytes).blocks;
}

/**
 * The blocks of a stretch that hold [from..to], the first and the last sliced where they reach beyond.
 * @param from a number of the stretch, as `to`
 */
export function cutStretch(stretch: Stretch, from: number, to: number): Buffer[] {
  if (from === stretch.firstSeq && to === stretch.lastSeq) return [stretch.bytes];
  const cut: Buffer[] = [];
  for (const block of blocksOf(stretch)) {
    const lastSeq = blockLastSeq(block);
    const firstSeq = blockFirstSeq(block);
    if (lastSeq < from) continue;
    if (firstSeq > to) break;
    cut.push(sliceBlock(block, Math.max(firstSeq, from), Math.min(lastSeq, to)));
  }
  return cut;
}
