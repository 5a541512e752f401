import { blockFirstSeq, blockLastSeq, sliceBlock } from '../protocol/index.js';
import { cutStretch, type Stretch } from '../storage/index.js';

/**
 * Blocks of the live stream, the first cut where it starts before `from`. Every delivery goes through here or through
 * {@link contiguousStretches}, so nothing is skipped or repeated unnoticed.
 * @param reader who wants them, for the error
 * @throws Error when the blocks do not go on from `from` without a gap: a bug of who read them
 */
export function contiguousBlocks(reader: string, blocks: readonly Buffer[], from: number): Buffer[] {
  let next = from;
  return blocks.map((block) => {
    const firstSeq = blockFirstSeq(block);
    const lastSeq = blockLastSeq(block);
    expectNext(reader, next, firstSeq, lastSeq);
    const contiguous = firstSeq === next ? block : sliceBlock(block, next);
    next = lastSeq + 1;
    return contiguous;
  });
}

/**
 * What of these stretches holds [from..to], in Buffers of whole blocks: the first and the last are cut where they reach
 * beyond, stretches behind `to` are left out.
 * @param reader who wants them, for the error
 * @throws Error when the stretches do not go on from `from` without a gap: a bug of who read them
 */
export function contiguousStretches(
  reader: string,
  stretches: readonly Stretch[],
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): Buffer[] {
  const contiguous: Buffer[] = [];
  let next = from;
  for (const stretch of stretches) {
    if (stretch.firstSeq > to) break;
    expectNext(reader, next, stretch.firstSeq, stretch.lastSeq);
    const end = Math.min(stretch.lastSeq, to);
    contiguous.push(...cutStretch(stretch, next, end));
    next = end + 1;
  }
  return contiguous;
}

function expectNext(reader: string, next: number, firstSeq: number, lastSeq: number): void {
  if (firstSeq > next || lastSeq < next) throw new Error(`${reader} wants ${next}, read ${firstSeq}..${lastSeq}`);
}
