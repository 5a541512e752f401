import { blockFirstSeq, blockLastSeq, readBlockHeader } from '../protocol/index.js';
import type { Log } from './log.js';
import type { Page } from './page.js';
import { blocksOf } from './stretch.js';

interface TimedBlock {
  firstSeq: number;
  lastSeq: number;
  timeMs: number;
}

/** A short page of the log from a number on; what cannot be read is part of it. */
export type ReadBlocks = (from: number) => Promise<Page>;

/**
 * The first message from `from` on whose block was committed at `timeMs` or later; the log's last number + 1 when there
 * is none. The times of a log never go backwards, so it is looked for by doubling the distance from `from`, where it
 * mostly is, and halving it again. A message that cannot be read is as old as the next one that can.
 */
export async function firstSince(log: Log, from: number, timeMs: number, read: ReadBlocks): Promise<number> {
  const { lastSeq } = log;
  let low = from;
  let high = lastSeq + 1;
  let step = 1;
  let found = false;
  while (low < high) {
    const probe = found ? Math.floor((low + high) / 2) : Math.min(low + step - 1, lastSeq);
    const block = await blockAt(log, probe, lastSeq, read);
    if (!block || block.timeMs >= timeMs) {
      found = true;
      high = Math.max(low, Math.min(probe, block?.firstSeq ?? probe));
    } else {
      low = block.lastSeq + 1;
      step *= 2;
    }
  }
  return low;
}

/** The first readable block that ends at `seq` or behind it. */
async function blockAt(log: Log, seq: number, lastSeq: number, read: ReadBlocks): Promise<TimedBlock | undefined> {
  if (log.ring.has(seq)) return timedBlock(log.ring.take(seq, 0)[0]!);
  for (let from = seq; from <= lastSeq; ) {
    const { stretches, next } = await read(from);
    const block = stretches.flatMap(blocksOf).find((candidate) => blockLastSeq(candidate) >= from);
    if (block) return timedBlock(block);
    from = next;
  }
  return undefined;
}

function timedBlock(block: Buffer): TimedBlock {
  return { firstSeq: blockFirstSeq(block), lastSeq: blockLastSeq(block), timeMs: readBlockHeader(block).timeMs };
}
