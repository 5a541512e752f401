import type { AbstractIterator } from 'abstract-level';
import { blockKey, blocksEnd } from './keys.js';
import { isCorruption, iterate, type LevelHandle, readBytes } from './level.js';
import type { Page } from './page.js';
import { PageBuilder } from './page-builder.js';

type Entries = AbstractIterator<LevelHandle, Buffer, Buffer>;

/** Entries asked for at once; they come until about `readBytes` are together. */
const entriesMax = 1_000;

/**
 * Read the page of a log that starts at `from`: about 256 KiB of blocks, or up to the first loss. What is corrupt is
 * part of the answer, never an error.
 * @param lastSeq last number of the log, at least `from`
 * @throws what LevelDB throws for other reasons: a closed database, an I/O error
 */
export async function readPage(level: LevelHandle, log: number, from: number, lastSeq: number): Promise<Page> {
  try {
    return await collect(level, new PageBuilder(log, from, lastSeq), log, from, entriesMax);
  } catch (error) {
    if (!isCorruption(error)) throw error;
  }
  const builder = new PageBuilder(log, from, lastSeq);
  try {
    await collect(level, builder, log, from, 1);
  } catch (error) {
    if (!isCorruption(error)) throw error;
  }
  if (!builder.empty) return builder.page();
  return await probe(level, log, from, lastSeq);
}

async function collect(
  level: LevelHandle,
  builder: PageBuilder,
  log: number,
  from: number,
  entriesAtOnce: number,
): Promise<Page> {
  const iterator = iterate(level, { gte: blockKey(log, from), lt: blocksEnd(log) });
  try {
    while (!builder.complete && builder.bytes < readBytes) {
      if (!(await addSome(iterator, builder, entriesAtOnce))) builder.end();
    }
  } finally {
    await iterator.close();
  }
  return builder.page();
}

async function addSome(iterator: Entries, builder: PageBuilder, entriesAtOnce: number): Promise<boolean> {
  const some = await iterator.nextv(entriesAtOnce);
  for (const [key, value] of some) {
    if (builder.complete || builder.bytes >= readBytes) break;
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
