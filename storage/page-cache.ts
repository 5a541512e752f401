import type { Page } from './page.js';

/** What a page costs beside its stretches' bytes. */
const pageOverheadBytes = 512;

/**
 * So many of the pages that start at or before a number are looked at, the nearest first. Pages overlap, so one that
 * starts earlier may reach further; the further away it starts the less likely it does, and a miss costs only a read.
 */
const candidatesMax = 3;

/** The part of the cache that is for pages that one reader at most has wanted. */
const onceShare = 1 / 8;

interface CachedPage {
  log: number;
  firstSeq: number;
  page: Page;
  bytes: number;
  uses: number;
}

/**
 * Pages that were read lately, for others who want the same part of a log; least recently used ones go first. A page that is
 * wanted a second time is kept for longer: those of a lone reader are soon gone, so that they neither push out what many
 * share nor stay long enough for the garbage collector to take them for old.
 */
export class PageCache {
  readonly #bytesMax: number;
  /** Wanted once at most. */
  readonly #once = new PageQueue();
  /** Wanted more often. */
  readonly #often = new PageQueue();
  /** Per log, in the order of their first numbers. */
  readonly #byLog = new Map<number, CachedPage[]>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#once.bytes + this.#often.bytes;
  }

  /** A page that holds message `seq`, for a reader. */
  find(log: number, seq: number): Page | undefined {
    const cached = this.#lookUp(log, seq);
    if (!cached) return undefined;
    this.#queueOf(cached).delete(cached);
    cached.uses += 1;
    this.#queueOf(cached).add(cached);
    this.#evict();
    return cached.page;
  }

  /** As {@link find}, without being a use of the page. */
  peek(log: number, seq: number): Page | undefined {
    return this.#lookUp(log, seq)?.page;
  }

  /** @param firstSeq first number the page holds */
  add(log: number, firstSeq: number, page: Page): void {
    const size = pageOverheadBytes + page.stretches.reduce((sum, { bytes }) => sum + bytes.length + 128, 0);
    if (size > this.#bytesMax || page.stretches.length === 0) return;
    const cached = { log, firstSeq, page, bytes: size, uses: 0 };
    const pages = this.#byLog.get(log) ?? [];
    this.#byLog.set(log, pages);
    const index = countUpTo(pages, firstSeq);
    const same = pages[index - 1];
    pages.splice(index, 0, cached);
    this.#once.add(cached);
    if (same?.firstSeq === firstSeq) this.#drop(same);
    this.#evict();
  }

  #lookUp(log: number, seq: number): CachedPage | undefined {
    const pages = this.#byLog.get(log);
    if (!pages) return undefined;
    const end = countUpTo(pages, seq);
    for (let index = end - 1; index >= Math.max(0, end - candidatesMax); index -= 1) {
      if (pages[index]!.page.next > seq) return pages[index];
    }
    return undefined;
  }

  #queueOf({ uses }: CachedPage): PageQueue {
    return uses > 1 ? this.#often : this.#once;
  }

  /** The newest page stays, whatever its size: it was read for somebody. */
  #evict(): void {
    while (this.#once.size > 1 && this.#once.bytes > this.#bytesMax * onceShare) this.#drop(this.#once.oldest!);
    while (this.bytes > this.#bytesMax) this.#drop(this.#often.oldest ?? this.#once.oldest!);
  }

  #drop(cached: CachedPage): void {
    this.#queueOf(cached).delete(cached);
    const pages = this.#byLog.get(cached.log)!;
    pages.splice(pages.indexOf(cached), 1);
    if (pages.length === 0) this.#byLog.delete(cached.log);
  }
}

/** Pages in the order of their last use. */
class PageQueue {
  readonly #pages = new Set<CachedPage>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#pages.size;
  }

  get oldest(): CachedPage | undefined {
    const [oldest] = this.#pages;
    return oldest;
  }

  add(page: CachedPage): void {
    this.#pages.add(page);
    this.#bytes += page.bytes;
  }

  delete(page: CachedPage): void {
    if (this.#pages.delete(page)) this.#bytes -= page.bytes;
  }
}

/** How many pages start at or before `seq`. */
function countUpTo(pages: readonly CachedPage[], seq: number): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pages[middle]!.firstSeq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
