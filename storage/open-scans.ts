import type { AbstractIterator } from 'abstract-level';
import { blockKey, blocksEnd } from './keys.js';
import { isCorruption, iterate, type LevelHandle } from './level.js';
import type { Page } from './page.js';
import { PageBuilder } from './page-builder.js';
import { entriesMax, readPage } from './read-page.js';
import type { Alarm } from './wait.js';

/** An iterator that stands in front of a message. */
interface Scan {
  readonly level: LevelHandle;
  readonly log: number;
  readonly entries: AbstractIterator<LevelHandle, Buffer, Buffer>;
  next: number;
}

/** As many as there are reads at the same time, and as many whose readers are just writing. */
const idleMax = 4;
/**
 * For as long as an iterator is open, what was deleted since keeps its room on the disk: neither one who reads for hours
 * nor one who has stopped must hold it for long.
 */
const openMs = 500;

/**
 * Reads a log page by page with iterators that stay open between pages, for those who read on: opening and closing one
 * takes as long as reading a page. An iterator sees the database as it was when it was opened, so one that comes to its
 * end, or to anything but whole pages, is closed, and that page is read anew.
 */
export class OpenScans {
  readonly #pageBytes: number;
  readonly #alarm: Alarm;
  /** Those that may be read on with, and how to stop their alarms. */
  readonly #open = new Map<Scan, () => void>();
  /** Those of them nobody reads with just now, least recently used ones first. */
  readonly #idle = new Set<Scan>();

  /** @param pageBytes about how much a page holds */
  constructor(pageBytes: number, alarm: Alarm) {
    this.#pageBytes = pageBytes;
    this.#alarm = alarm;
  }

  /** As {@link readPage}. */
  async read(level: LevelHandle, log: number, from: number, lastSeq: number): Promise<Page> {
    const scan = this.#take(level, log, from) ?? this.#begin(level, log, from);
    let page: Page | undefined;
    try {
      page = await nextPage(scan, lastSeq);
    } finally {
      if (page && page.next <= lastSeq && this.#open.has(scan)) this.#keep(scan, page.next);
      else await this.#end(scan);
    }
    return page ?? (await readPage(level, log, from, lastSeq, this.#pageBytes));
  }

  /** None that is open now is read on with. Resolves when those are closed with which nobody was reading. */
  async retire(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((scan) => this.#retire(scan)));
  }

  #begin(level: LevelHandle, log: number, from: number): Scan {
    const entries = iterate(level, { gte: blockKey(log, from), lt: blocksEnd(log) }, this.#pageBytes);
    const scan = { level, log, entries, next: from };
    this.#open.set(
      scan,
      this.#alarm(openMs, () => this.#retire(scan)),
    );
    return scan;
  }

  #take(level: LevelHandle, log: number, from: number): Scan | undefined {
    for (const scan of this.#idle) {
      if (scan.level !== level || scan.log !== log || scan.next !== from) continue;
      this.#idle.delete(scan);
      return scan;
    }
    return undefined;
  }

  #keep(scan: Scan, next: number): void {
    scan.next = next;
    this.#idle.add(scan);
    const [oldest] = this.#idle;
    if (this.#idle.size > idleMax) this.#retire(oldest!);
  }

  async #retire(scan: Scan): Promise<void> {
    if (this.#idle.delete(scan)) return this.#end(scan);
    this.#forget(scan);
  }

  async #end(scan: Scan): Promise<void> {
    this.#forget(scan);
    // What the iterator of a database that has been closed says does not matter.
    await scan.entries.close().catch(() => {});
  }

  #forget(scan: Scan): void {
    this.#open.get(scan)?.();
    this.#open.delete(scan);
  }
}

/** The page a scan stands in front of; `undefined` when there is none, or not all of it is whole, or all that was read. */
async function nextPage({ log, next, entries }: Scan, lastSeq: number): Promise<Page | undefined> {
  const builder = new PageBuilder(log, next, lastSeq);
  try {
    for (const [key, value] of await entries.nextv(entriesMax)) {
      if (builder.complete) return undefined;
      builder.add(key, value);
    }
  } catch (error) {
    if (isCorruption(error)) return undefined;
    throw error;
  }
  const page = builder.page();
  return builder.empty || page.lost ? undefined : page;
}
