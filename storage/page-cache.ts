import type { Page } from './page.js';

/** What a page costs beside its blocks' bytes. */
const pageOverheadBytes = 512;

/**
 * So many of the pages that start at or before a number are looked at, the nearest first. Pages overlap, so one that
 * starts earlier may reach further; the further away it starts the less likely it does, and a miss costs only a read.
 */
const candidatesMax = 3;

interface CachedPage {
  log: number;
  firstSeq: number;
  page: Page;
  bytes: number;
}

/** Pages that were read lately, for others who want the same stretch; least recently used ones go first. */
export class PageCache {
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #pages = new Set<CachedPage>();
  /** Per log, in the order of their first numbers. */
  readonly #byLog = new Map<number, CachedPage[]>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A page that holds message `seq`. */
  find(log: number, seq: number): Page | undefined {
    const pages = this.#byLog.get(log);
    if (!pages) return undefined;
    const end = countUpTo(pages, seq);
    for (let index = end - 1; index >= Math.max(0, end - candidatesMax); index -= 1) {
      const cached = pages[index]!;
      if (cached.page.next <= seq) continue;
      this.#pages.delete(cached);
      this.#pages.add(cached);
      return cached.page;
    }
    return undefined;
  }

  /** @param firstSeq first number the page holds */
  add(log: number, firstSeq: number, page: Page): void {
    const bytes = pageOverheadBytes + page.blocks.reduce((sum, block) => sum + block.length + 128, 0);
    if (bytes > this.#bytesMax || page.blocks.length === 0) return;
    const cached = { log, firstSeq, page, bytes };
    const pages = this.#byLog.get(log) ?? [];
    this.#byLog.set(log, pages);
    const index = countUpTo(pages, firstSeq);
    const same = pages[index - 1];
    pages.splice(index, 0, cached);
    this.#pages.add(cached);
    this.#bytes += bytes;
    if (same?.firstSeq === firstSeq) this.#drop(same);
    for (const oldest of this.#pages) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(oldest);
    }
  }

  #drop(cached: CachedPage): void {
    this.#pages.delete(cached);
    this.#bytes -= cached.bytes;
    const pages = this.#byLog.get(cached.log)!;
    pages.splice(pages.indexOf(cached), 1);
    if (pages.length === 0) this.#byLog.delete(cached.log);
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
