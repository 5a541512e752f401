import type { CatalogueRow, SessionPlace } from './catalogue.js';
import type { Log } from './log.js';

/** A session of the catalogue with its log. */
export interface SessionEntry {
  readonly log: Log;
  row: CatalogueRow;
}

/** A session in the order of its source. */
export interface OrderedSession {
  readonly entry: SessionEntry;
  /** The one behind it. */
  readonly behind: SessionEntry | undefined;
  /** When it began; never before one in front of it, though the clock may have been put back. */
  readonly sinceMs: number;
}

/** What goes with the removal of a session. */
export interface Removal {
  /** When it is: behind the one before it, though the clock may have been put back. */
  readonly removedMs: number;
  /** Those that are not to be remembered any longer: of too many, the ones removed longest ago. */
  readonly forgotten: readonly SessionEntry[];
}

/**
 * Removed sessions of a source that are remembered: those who were reading one, or are to go on with it, are told what
 * is lost to them and what comes behind it.
 */
const removedMax = 1_000;

/**
 * The sessions of one source in their order, oldest first. One that was removed keeps its place, and its name, for as
 * long as it is remembered.
 */
export class SourceSessions {
  readonly #entries: SessionEntry[] = [];
  readonly #byName = new Map<string, SessionEntry>();

  /** All of them, removed ones included, oldest first. */
  all(): OrderedSession[] {
    let sinceMs = 0;
    return this.#entries.map((entry, index) => {
      sinceMs = Math.max(sinceMs, entry.row.createdMs);
      return { entry, behind: this.#entries[index + 1], sinceMs };
    });
  }

  /** Of all of them. */
  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The session of that name, removed or not. */
  named(session: string): SessionEntry | undefined {
    return this.#byName.get(session);
  }

  /** The newest one that is kept. */
  newest(): SessionEntry | undefined {
    return this.#entries.findLast(({ log }) => !log.isRemoved);
  }

  /** The one that has not ended. */
  active(): SessionEntry | undefined {
    return this.#entries.findLast(({ log }) => log.state === 'active');
  }

  /** The session behind one, removed or not. */
  behind(entry: SessionEntry): SessionEntry | undefined {
    const index = this.#indexOf(entry);
    return this.#entries[index] === entry ? this.#entries[index + 1] : undefined;
  }

  /**
   * The place of a session that comes from an archive: the one it had if it is remembered, else where it stood in time,
   * in front of the active one. `undefined`: behind all there are.
   */
  placeFor(row: CatalogueRow): SessionPlace | undefined {
    const known = this.named(row.session);
    if (known) return placeOf(known);
    const behind = this.#entries.find(({ row: of }) => !of.ended || inTime(row, of) < 0);
    return behind && { inFrontOf: numberOf(placeOf(behind)) };
  }

  /** @param entry of a name that is not there */
  add(entry: SessionEntry): void {
    this.#entries.splice(this.#indexOf(entry), 0, entry);
    this.#byName.set(entry.row.session, entry);
  }

  /** Another one may have its name already. */
  delete(entry: SessionEntry): void {
    const index = this.#indexOf(entry);
    if (this.#entries[index] === entry) this.#entries.splice(index, 1);
    if (this.named(entry.row.session) === entry) this.#byName.delete(entry.row.session);
  }

  /** What goes with the removal of one. */
  removal(nowMs: number): Removal {
    const removed = this.#entries
      .filter(({ log }) => log.isRemoved)
      .sort((one, other) => one.row.removedMs! - other.row.removedMs!);
    const lastMs = removed[removed.length - 1]?.row.removedMs ?? 0;
    const forgotten = removed.slice(0, Math.max(0, removed.length + 1 - removedMax));
    return { removedMs: Math.max(nowMs, lastMs + 1), forgotten };
  }

  /** Where it is, or would be: how many stand in front of it. */
  #indexOf(entry: SessionEntry): number {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (inOrder(this.#entries[middle]!, entry) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function placeOf({ row, log }: SessionEntry): SessionPlace {
  return row.place ?? { of: log.number };
}

function numberOf(place: SessionPlace): number {
  return 'of' in place ? place.of : place.inFrontOf;
}

/** Negative when the first one stands in front, for good. Those in front of the same one stand where they stood in time. */
function inOrder(one: SessionEntry, other: SessionEntry): number {
  const [place, otherPlace] = [placeOf(one), placeOf(other)];
  const byNumber = numberOf(place) - numberOf(otherPlace);
  if (byNumber !== 0) return byNumber;
  if ('of' in place) return 'of' in otherPlace ? 0 : 1;
  return 'of' in otherPlace ? -1 : inTime(one.row, other.row);
}

/** Negative when the first one began earlier; names of sessions of one day are in their order. */
function inTime(one: CatalogueRow, other: CatalogueRow): number {
  if (one.createdMs !== other.createdMs) return one.createdMs - other.createdMs;
  return one.session < other.session ? -1 : Number(one.session > other.session);
}
