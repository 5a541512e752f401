import type { Database } from './database.js';
import { StorageError } from './errors.js';
import { compact, type LevelHandle, readBytes } from './level.js';
import type { Log } from './log.js';
import { OpenScans } from './open-scans.js';
import type { Page } from './page.js';
import { PageCache } from './page-cache.js';
import { readPage } from './read-page.js';
import type { ReadSlots } from './read-slots.js';
import type { Alarm } from './wait.js';

/** A page is read in milliseconds; a disk that has not answered after this long may never do. */
export const readMs = 10_000;

/** A page that is read ahead is twice as large: a third of what a page costs does not depend on its size. */
const readAheadBytes = 2 * readBytes;
/** So many pages are read ahead: one is verified and written while the next one comes from disk. */
const readAheadPages = 2;

/** Reads a page from the database, as {@link readPage} does. */
type PageRead = (level: LevelHandle, log: number, from: number, lastSeq: number) => Promise<Page>;

/** Serves pages of logs: from the cache, by waiting for a read that is under way, or from the database. */
export class PageReader {
  readonly #database: Database;
  readonly #cache: PageCache;
  readonly #slots: ReadSlots;
  readonly #alarm: Alarm;
  readonly #scans: OpenScans;
  readonly #readNext: PageRead;
  readonly #underWay = new Map<string, Promise<Page>>();
  #reads = 0;
  #bytesRead = 0;
  #hits = 0;

  constructor(database: Database, slots: ReadSlots, cacheBytesMax: number, alarm: Alarm) {
    this.#database = database;
    this.#slots = slots;
    this.#alarm = alarm;
    this.#scans = new OpenScans(readAheadBytes, alarm);
    this.#readNext = (...page) => this.#scans.read(...page);
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
    if (from < log.firstSeq) return gone(log, from, to);
    const last = Math.min(to, log.lastSeq);
    const page = await this.#find(log, from);
    // It may have been removed while this was read.
    if (page.lost && from < log.firstSeq) return gone(log, from, to);
    // Whoever wants a page that could not be read ahead meets the failure when it reads it again.
    this.#readAhead(log, page.next, last, readAheadPages).catch(() => {});
    return trim(page, from, last);
  }

  /** As {@link SessionKeeping.read}. */
  async readFromDisk(log: Log, from: number): Promise<Page> {
    if (from < log.firstSeq) return gone(log, from, log.lastSeq);
    const page = await this.#slots.run(() => this.#readPage(log, from, readPage));
    return page.lost && from < log.firstSeq ? gone(log, from, log.lastSeq) : page;
  }

  /**
   * Give the room of what was deleted in a range back to the disk, which LevelDB does not do by itself for old tables;
   * nor can it be done while anybody reads the database as it was before.
   */
  async compact(from: Buffer, to: Buffer): Promise<void> {
    await this.#scans.retire();
    await Promise.allSettled(this.#underWay.values());
    await this.#database.read((level) => compact(level, from, to));
  }

  /** Looking a page up in the cache is how the cache learns that it was wanted, and how often. */
  async #find(log: Log, from: number): Promise<Page> {
    const cached = this.#cache.find(log.number, from);
    if (cached) {
      this.#hits += 1;
      return cached;
    }
    const underWay = this.#underWay.get(position(log, from));
    if (underWay) this.#hits += 1;
    const page = await (underWay ?? this.#start(log, from, readPage));
    return this.#cache.find(log.number, from) ?? page;
  }

  /**
   * The next pages come from disk while the reader's socket takes this one. Only when nobody waits for the disk: a few
   * pages of each reader, all of them in the cache's share for pages that were not wanted twice.
   */
  async #readAhead(log: Log, from: number, last: number, pages: number): Promise<void> {
    if (pages === 0 || from > last) return;
    const known = this.#cache.peek(log.number, from) ?? this.#underWay.get(position(log, from));
    if (!known && !this.#slots.idle) return;
    const { next } = await (known ?? this.#start(log, from, this.#readNext));
    await this.#readAhead(log, next, last, pages - 1);
  }

  async #start(log: Log, from: number, read: PageRead): Promise<Page> {
    const page = this.#slots.run(() => this.#read(log, from, read));
    this.#underWay.set(position(log, from), page);
    try {
      return await page;
    } finally {
      this.#underWay.delete(position(log, from));
    }
  }

  async #read(log: Log, from: number, read: PageRead): Promise<Page> {
    const cached = this.#cache.peek(log.number, from);
    if (cached) return cached;
    const page = await this.#readPage(log, from, read);
    this.#keep(log.number, page);
    return page;
  }

  #readPage(log: Log, from: number, read: PageRead): Promise<Page> {
    return this.#database.read((level) => this.#inTime(read(level, log.number, from, log.lastSeq)));
  }

  /** The deadline runs while the disk owes a page: neither while the read waits for its turn, nor for a reopen. */
  #inTime(read: Promise<Page>): Promise<Page> {
    return new Promise((resolve, reject) => {
      const silence = this.#alarm(readMs, () =>
        reject(new StorageError('ERR_STORAGE_UNAVAILABLE', `the disk has not answered a read within ${readMs} ms`)),
      );
      read.then(resolve, reject).finally(silence);
    });
  }

  #keep(log: number, page: Page): void {
    const [first] = page.stretches;
    this.#reads += 1;
    for (const { bytes } of page.stretches) this.#bytesRead += bytes.length;
    if (!page.lost && first) this.#cache.add(log, first.firstSeq, page);
  }
}

/** The page of what is not kept any more. */
function gone(log: Log, from: number, to: number): Page {
  const end = Math.min(to, log.firstSeq - 1);
  const reason = log.isTrimmed ? 'expired' : 'retention';
  return { stretches: [], lost: { from, to: end, reason }, next: end + 1 };
}

/** The part of a page that is about [from..to], in whole stretches. */
function trim(page: Page, from: number, to: number): Page {
  let first = 0;
  let end = page.stretches.length;
  while (first < end && page.stretches[first]!.lastSeq < from) first += 1;
  while (end > first && page.stretches[end - 1]!.firstSeq > to) end -= 1;
  const trimmed = end < page.stretches.length;
  const stretches = first === 0 && !trimmed ? page.stretches : page.stretches.slice(first, end);
  if (trimmed || (page.lost && page.lost.from > to))
    return { stretches, next: stretches[stretches.length - 1]!.lastSeq + 1 };
  if (!page.lost) return { stretches, next: page.next };
  const lost = { ...page.lost, to: Math.min(page.lost.to, to) };
  return { stretches, lost, next: lost.to + 1 };
}

function position(log: Log, from: number): string {
  return `${log.number}:${from}`;
}
