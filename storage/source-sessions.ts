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

  /** @param entry of a name that is not there */
  add(entry: SessionEntry): void {
    this.#entries.splice(placeOf(entry, this.#entries), 0, entry);
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

/** A restored session stands where it stood in time; any other is the newest one, whatever the clock says. */
function placeOf({ row }: SessionEntry, entries: readonly SessionEntry[]): number {
  if (row.restoredMs === undefined) return entries.length;
  const place = entries.findIndex((entry) => entry.row.createdMs > row.createdMs);
  return place === -1 ? entries.length : place;
}
