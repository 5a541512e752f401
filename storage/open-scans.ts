import type { AbstractIterator } from 'abstract-level';
import { blockKey, blocksEnd } from './keys.js';
import { isCorruption, iterate, type LevelHandle } from './level.js';
import type { Page } from './page.js';
import { PageBuilder } from './page-builder.js';
import { entriesMax, readPage } from './read-page.js';
import type { Alarm } from './wait.js';

/** An iterator that stands in front of a message. */
interface Scan {
  level: LevelHandle;
  log: number;
  next: number;
  entries: AbstractIterator<LevelHandle, Buffer, Buffer>;
}

/** As many as there are reads at the same time, and as many whose readers are just writing. */
const openMax = 4;
/** An open iterator keeps the files it reads from being removed: a reader that has stopped must not hold it. */
const idleMs = 500;

/**
 * Reads a log page by page with iterators that stay open between pages, for those who read on: opening and closing one
 * takes as long as reading a page. An iterator sees the database as it was when it was opened, so one that comes to its
 * end, or to anything but whole pages, is closed, and that page is read anew.
 */
export class OpenScans {
  readonly #pageBytes: number;
  readonly #alarm: Alarm;
  /** Those nobody reads with just now, least recently used ones first, and how to stop their alarms. */
  readonly #idle = new Map<Scan, () => void>();

  /** @param pageBytes about how much a page holds */
  constructor(pageBytes: number, alarm: Alarm) {
    this.#pageBytes = pageBytes;
    this.#alarm = alarm;
  }

  /** As {@link readPage}. */
  async read(level: LevelHandle, log: number, from: number, lastSeq: number): Promise<Page> {
    const scan = this.#take(level, log, from) ?? this.#open(level, log, from);
    const page = await nextPage(scan, lastSeq).catch((error) => {
      close(scan);
      throw error;
    });
    if (page && page.next <= lastSeq) this.#keep({ ...scan, next: page.next });
    else close(scan);
    return page ?? (await readPage(level, log, from, lastSeq, this.#pageBytes));
  }

  #open(level: LevelHandle, log: number, from: number): Scan {
    const entries = iterate(level, { gte: blockKey(log, from), lt: blocksEnd(log) }, this.#pageBytes);
    return { level, log, next: from, entries };
  }

  #take(level: LevelHandle, log: number, from: number): Scan | undefined {
    for (const [scan, silence] of this.#idle) {
      if (scan.level !== level || scan.log !== log || scan.next !== from) continue;
      this.#idle.delete(scan);
      silence();
      return scan;
    }
    return undefined;
  }

  #keep(scan: Scan): void {
    this.#idle.set(
      scan,
      this.#alarm(idleMs, () => this.#drop(scan)),
    );
    const [oldest] = this.#idle.keys();
    if (this.#idle.size > openMax) this.#drop(oldest!);
  }

  #drop(scan: Scan): void {
    this.#idle.get(scan)?.();
    this.#idle.delete(scan);
    close(scan);
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

/** What the iterator of a database that has been closed says does not matter. */
function close({ entries }: Scan): void {
  entries.close().catch(() => {});
}
