import { blockFirstSeq, blockLastSeq } from '../protocol/index.js';
import type { Database } from './database.js';
import { StorageError } from './errors.js';
import type { Log } from './log.js';
import type { Page } from './page.js';
import { PageCache } from './page-cache.js';
import { readPage } from './read-page.js';
import type { ReadSlots } from './read-slots.js';
import type { Wait } from './wait.js';

/** A page is read in milliseconds; a disk that has not answered after this long may never do. */
export const readMs = 10_000;

/** Serves pages of logs: from the cache, by waiting for a read that is under way, or from the database. */
export class PageReader {
  readonly #database: Database;
  readonly #cache: PageCache;
  readonly #slots: ReadSlots;
  readonly #wait: Wait;
  readonly #underWay = new Map<string, Promise<Page>>();
  #reads = 0;
  #bytesRead = 0;
  #hits = 0;

  constructor(database: Database, slots: ReadSlots, cacheBytesMax: number, wait: Wait) {
    this.#database = database;
    this.#slots = slots;
    this.#wait = wait;
    this.#cache = new PageCache(cacheBytesMax);
  }

  get counters(): { reads: number; bytesRead: number; cacheHits: number; cacheBytes: number } {
    return { reads: this.#reads, bytesRead: this.#bytesRead, cacheHits: this.#hits, cacheBytes: this.#cache.bytes };
  }

  /** As {@link Store.read}. */
  async read(log: Log, from: number, to: number): Promise<Page> {
    if (from > to || from < 1 || from > log.lastSeq) {
      throw new RangeError(`log ${log.number} holds up to ${log.lastSeq}, asked for [${from}..${to}]`);
    }
    if (from < log.firstSeq) {
      const end = Math.min(to, log.firstSeq - 1);
      return { blocks: [], lost: { from, to: end, reason: 'retention' }, next: end + 1 };
    }
    return trim(await this.#find(log, from), from, Math.min(to, log.lastSeq));
  }

  async #find(log: Log, from: number): Promise<Page> {
    const cached = this.#cache.find(log.number, from);
    if (cached) {
      this.#hits += 1;
      return cached;
    }
    const position = `${log.number}:${from}`;
    const underWay = this.#underWay.get(position);
    if (underWay) {
      this.#hits += 1;
      return await underWay;
    }
    const read = this.#slots.run(() => this.#read(log, from));
    this.#underWay.set(position, read);
    try {
      return await read;
    } finally {
      this.#underWay.delete(position);
    }
  }

  async #read(log: Log, from: number): Promise<Page> {
    const cached = this.#cache.find(log.number, from);
    if (cached) return cached;
    const page = await this.#database.read((level) => this.#inTime(readPage(level, log.number, from, log.lastSeq)));
    this.#keep(log.number, page);
    return page;
  }

  /** The deadline runs while the disk owes a page: neither while the read waits for its turn, nor for a reopen. */
  async #inTime(read: Promise<Page>): Promise<Page> {
    const timer = new AbortController();
    const late = this.#wait(readMs, timer.signal).then(() => {
      throw new StorageError('ERR_STORAGE_UNAVAILABLE', `the disk has not answered a read within ${readMs} ms`);
    });
    try {
      return await Promise.race([read, late]);
    } finally {
      timer.abort();
      late.catch(() => {});
      read.catch(() => {});
    }
  }

  #keep(log: number, page: Page): void {
    this.#reads += 1;
    for (const block of page.blocks) this.#bytesRead += block.length;
    if (!page.lost && page.blocks.length > 0) this.#cache.add(log, blockFirstSeq(page.blocks[0]!), page);
  }
}

/** The part of a page that is about [from..to], in whole blocks. */
function trim(page: Page, from: number, to: number): Page {
  let first = 0;
  let end = page.blocks.length;
  while (first < end && blockLastSeq(page.blocks[first]!) < from) first += 1;
  while (end > first && blockFirstSeq(page.blocks[end - 1]!) > to) end -= 1;
  const trimmed = end < page.blocks.length;
  const blocks = first === 0 && !trimmed ? page.blocks : page.blocks.slice(first, end);
  if (trimmed || (page.lost && page.lost.from > to))
    return { blocks, next: blockLastSeq(blocks[blocks.length - 1]!) + 1 };
  if (!page.lost) return { blocks, next: page.next };
  const lost = { ...page.lost, to: Math.min(page.lost.to, to) };
  return { blocks, lost, next: lost.to + 1 };
}
