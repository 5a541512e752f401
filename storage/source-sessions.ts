import type { CatalogueRow } from './catalogue.js';
import type { Log } from './log.js';

/** A session of the catalogue with its log. */
export interface SessionEntry {
  readonly log: Log;
  row: CatalogueRow;
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

  /** Those that are kept, oldest first, each with the one behind it, which may have been removed. */
  kept(): { entry: SessionEntry; behind: SessionEntry | undefined }[] {
    const entries = this.#entries.map((entry, place) => ({ entry, behind: this.#entries[place + 1] }));
    return entries.filter(({ entry }) => !entry.log.isRemoved);
  }

  /** Of all of them, removed ones included. */
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
    const place = this.#entries.lastIndexOf(entry);
    return place === -1 ? undefined : this.#entries[place + 1];
  }

  /**
   * The place of a session that comes from an archive: the one it had if it is remembered, else where it stood in time,
   * in front of the active one. `undefined`: behind all there are.
   */
  placeFor(row: CatalogueRow): number | undefined {
    const known = this.named(row.session);
    const behind = known ?? this.#entries.find(({ row: of }) => !of.ended || inTime(row, of) < 0);
    return behind && placeOf(behind);
  }

  /** @param entry of a name that is not there */
  add(entry: SessionEntry): void {
    const place = this.#entries.findIndex((other) => inOrder(entry, other) < 0);
    this.#entries.splice(place === -1 ? this.#entries.length : place, 0, entry);
    this.#byName.set(entry.row.session, entry);
  }

  delete(entry: SessionEntry): void {
    const place = this.#entries.indexOf(entry);
    if (place !== -1) this.#entries.splice(place, 1);
    this.#byName.delete(entry.row.session);
  }

  /** Those to be forgotten when one more is removed: of too many, the ones removed longest ago. */
  forgettable(): SessionEntry[] {
    const removed = this.#entries.filter(({ log }) => log.isRemoved);
    if (removed.length < removedMax) return [];
    const byAge = removed.sort((one, other) => one.row.removedMs! - other.row.removedMs!);
    return byAge.slice(0, removed.length + 1 - removedMax);
  }
}

function placeOf({ row, log }: SessionEntry): number {
  return row.place ?? log.number;
}

/** Negative when the first one stands in front; whose place it is stands behind those that were put in front of it. */
function inOrder(one: SessionEntry, other: SessionEntry): number {
  const byPlace = placeOf(one) - placeOf(other);
  if (byPlace !== 0) return byPlace;
  if (one.row.place === undefined) return 1;
  return other.row.place === undefined ? -1 : inTime(one.row, other.row);
}

/** Negative when the first one began earlier; names of sessions of one day are in their order. */
function inTime(one: CatalogueRow, other: CatalogueRow): number {
  return one.createdMs - other.createdMs || (one.session < other.session ? -1 : 1);
}
