import { blockFirstSeq, blockLastSeq, readBlockHeader, verifyBlock } from '../protocol/index.js';
import { splitValue } from './block-value.js';
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

/** A damaged key sorts where it does not belong: so many entries are looked at for the one that is really the last. */
const tailEntriesMax = 16;

/** Read from the log itself, never from a counter that can disagree. */
export async function readLogBounds(level: LevelHandle, log: number): Promise<LogBounds> {
  const range = { gte: blockKey(log, 0), lt: blocksEnd(log) };
  const tail = await readTail(level, log, { ...range, reverse: true, limit: tailEntriesMax });
  if (!tail) return { firstSeq: 1, lastSeq: 0, timeMs: 0 };
  const head = await readHead(level, range);
  return { firstSeq: head && verifyBlock(head) ? blockFirstSeq(head) : 1, ...tail };
}

/**
 * The last number and time of a log: of a block that is whole, what it says of itself; of one that is not, what its key
 * says. It is settled by the first entry whose key and block agree. One of which neither can be read might hold the last
 * number, so no number can be given out.
 */
async function readTail(
  level: LevelHandle,
  log: number,
  range: Range,
): Promise<Pick<LogBounds, 'lastSeq' | 'timeMs'> | undefined> {
  let tail: { lastSeq: number; timeMs: number } | undefined;
  for await (const [key, value] of entries(level, range)) {
    tail ??= { lastSeq: 0, timeMs: 0 };
    const { blocks } = splitValue(value);
    const block = blocks[blocks.length - 1];
    const ofKey = readBlockKey(key)?.lastSeq;
    const whole = block !== undefined && verifyBlock(block);
    const lastSeq = whole ? blockLastSeq(block) : ofKey;
    if (lastSeq === undefined)
      throw new Error(`Corruption: neither the last key of log ${log} nor its value is readable`);
    tail.lastSeq = Math.max(tail.lastSeq, lastSeq);
    if (whole) tail.timeMs = Math.max(tail.timeMs, readBlockHeader(block).timeMs);
    if (whole && ofKey === lastSeq) break;
  }
  return tail;
}

/** A log whose first table cannot be read starts at 1: readers are told what is lost. */
async function readHead(level: LevelHandle, range: Range): Promise<Buffer | undefined> {
  try {
    const first = await firstEntry(level, range);
    return first && splitValue(first[1]).blocks[0];
  } catch (error) {
    if (!isCorruption(error)) throw error;
    return undefined;
  }
}

/** The blocks of a log's values that end behind message `seq`: few, they are those of one batch. */
export async function readBlocksBehind(level: LevelHandle, log: number, seq: number): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const [, value] of entries(level, { gte: blockKey(log, seq + 1), lt: blocksEnd(log) })) {
    found.push(...splitValue(value).blocks.filter(verifyBlock));
  }
  return found;
}
