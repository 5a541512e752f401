import { blockFirstSeq, blockLastSeq, readBlockHeader, splitBlocks, verifyBlock } from '../protocol/index.js';
import { blockKey, blocksEnd, readBlockKey } from './keys.js';
import { entries, firstEntry, isCorruption, type LevelHandle, type Range } from './level.js';

/** What the database says about a log. */
export interface LogBounds {
  /** First number kept; 1 when there is none, or when the first value cannot be read. */
  firstSeq: number;
  /** 0 when there is no message. */
  lastSeq: number;
  /** Time of the newest block; 0 when there is none, or when it cannot be read. */
  timeMs: number;
}

/** Read from the log itself, never from a counter that can disagree. */
export async function readLogBounds(level: LevelHandle, log: number): Promise<LogBounds> {
  const range = { gte: blockKey(log, 0), lt: blocksEnd(log) };
  const last = await firstEntry(level, { ...range, reverse: true });
  if (!last) return { firstSeq: 1, lastSeq: 0, timeMs: 0 };
  const head = await readHead(level, range);
  const { blocks } = splitBlocks(last[1]);
  const tail = blocks[blocks.length - 1];
  const goodTail = tail && verifyBlock(tail) ? tail : undefined;
  const lastSeq = readBlockKey(last[0])?.lastSeq ?? (goodTail && blockLastSeq(goodTail));
  if (lastSeq === undefined)
    throw new Error(`Corruption: neither the last key of log ${log} nor its value is readable`);
  return {
    firstSeq: head && verifyBlock(head) ? blockFirstSeq(head) : 1,
    lastSeq,
    timeMs: goodTail ? readBlockHeader(goodTail).timeMs : 0,
  };
}

/** A log whose first table cannot be read starts at 1: readers are told what is lost. */
async function readHead(level: LevelHandle, range: Range): Promise<Buffer | undefined> {
  try {
    const first = await firstEntry(level, range);
    return first && splitBlocks(first[1]).blocks[0];
  } catch (error) {
    if (!isCorruption(error)) throw error;
    return undefined;
  }
}

/** The blocks of a log's values that end behind message `seq`: few, they are those of one batch. */
export async function readBlocksBehind(level: LevelHandle, log: number, seq: number): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const [, value] of entries(level, { gte: blockKey(log, seq + 1), lt: blocksEnd(log) })) {
    found.push(...splitBlocks(value).blocks.filter(verifyBlock));
  }
  return found;
}
