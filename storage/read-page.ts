import type { AbstractIterator } from 'abstract-level';
import { blockKey, blocksEnd } from './keys.js';
import { isCorruption, iterate, type LevelHandle, readBytes } from './level.js';
import type { Page } from './page.js';
import { PageBuilder } from './page-builder.js';

type Entries = AbstractIterator<LevelHandle, Buffer, Buffer>;

/** Entries asked for at once; they come until about a page is together. */
export const entriesMax = 1_000;

/**
 * Read the page of a log that starts at `from`, up to the first loss at the most. What is corrupt is part of the answer,
 * never an error.
 * @param lastSeq last number of the log, at least `from`
 * @param pageBytes about how much to read
 * @throws what LevelDB throws for other reasons: a closed database, an I/O error
 */
export async function readPage(
  level: LevelHandle,
  log: number,
  from: number,
  lastSeq: number,
  pageBytes = readBytes,
): Promise<Page> {
  try {
    return await collect(level, new PageBuilder(log, from, lastSeq), { log, from, pageBytes, entriesMax });
  } catch (error) {
    if (!isCorruption(error)) throw error;
  }
  const builder = new PageBuilder(log, from, lastSeq);
  try {
    await collect(level, builder, { log, from, pageBytes, entriesMax: 1 });
  } catch (error) {
    if (!isCorruption(error)) throw error;
  }
  if (!builder.empty) return builder.page();
  return await probe(level, log, from, lastSeq);
}

/** Where a page starts, and how much is read at a time and in all. */
interface Extent {
  log: number;
  from: number;
  pageBytes: number;
  entriesMax: number;
}

async function collect(level: LevelHandle, builder: PageBuilder, extent: Extent): Promise<Page> {
  const { log, from, pageBytes } = extent;
  const iterator = iterate(level, { gte: blockKey(log, from), lt: blocksEnd(log) }, pageBytes);
  try {
    while (!builder.complete && builder.bytes < pageBytes) {
      if (!(await addSome(iterator, builder, extent))) builder.end();
    }
  } finally {
    await iterator.close();
  }
  return builder.page();
}

async function addSome(iterator: Entries, builder: PageBuilder, { pageBytes, entriesMax }: Extent): Promise<boolean> {
  const some = await iterator.nextv(entriesMax);
  for (const [key, value] of some) {
    if (builder.complete || builder.bytes >= pageBytes) break;
    builder.add(key, value);
  }
  return some.length > 0;
}

/**
 * LevelDB refuses to read at `from`. Find out, by doubling and then halving the distance, the first number from which it
 * reads again; what is between is lost.
 */
async function probe(level: LevelHandle, log: number, from: number, lastSeq: number): Promise<Page> {
  let refused = from;
  let step = 1;
  while (refused + step <= lastSeq && !(await canRead(level, log, refused + step))) {
    refused += step;
    step *= 2;
  }
  let readable = Math.min(refused + step, lastSeq + 1);
  while (refused + 1 < readable) {
    const middle = Math.floor((refused + readable) / 2);
    if (await canRead(level, log, middle)) readable = middle;
    else refused = middle;
  }
  const builder = new PageBuilder(log, from, lastSeq, true);
  const entry = readable <= lastSeq ? await firstAt(level, log, readable) : undefined;
  if (entry) builder.add(entry[0], entry[1]);
  else builder.end();
  return builder.page();
}

async function canRead(level: LevelHandle, log: number, seq: number): Promise<boolean> {
  try {
    await firstAt(level, log, seq);
    return true;
  } catch (error) {
    if (!isCorruption(error)) throw error;
    return false;
  }
}

async function firstAt(level: LevelHandle, log: number, seq: number): Promise<[Buffer, Buffer] | undefined> {
  const iterator = iterate(level, { gte: blockKey(log, seq), lt: blocksEnd(log) });
  try {
    return (await iterator.nextv(1))[0];
  } finally {
    await iterator.close();
  }
}
