import { strict as assert } from 'node:assert';
import type { SessionSummary } from '../protocol/index.js';
import { type CatalogueRow, catalogueDeletion, catalogueWrite, type SessionPlace, summarize } from './catalogue.js';
import { StorageError } from './errors.js';
import { logNumberMax } from './keys.js';
import type { LevelHandle, Operation } from './level.js';
import type { Log } from './log.js';
import { Reservation, Reservations } from './reservations.js';
import { type Removal, type SessionEntry, SourceSessions } from './source-sessions.js';

/** The catalogue in memory, in step with the one in the database. */
export class Sessions {
  readonly #clock: () => number;
  /** Those that are kept, by number of the log, oldest first. */
  readonly #entries = new Map<number, SessionEntry>();
  /** Those that were removed and are remembered, by number. */
  readonly #removed = new Map<number, SessionEntry>();
  readonly #bySource = new Map<string, SourceSessions>();
  readonly #reservations = new Reservations();
  #lastNumber: number;

  /**
   * @param clock milliseconds since 1970
   * @param lastNumber the highest number of a log that is, or was, in the database without being in the catalogue
   */
  constructor(clock: () => number, entries: readonly SessionEntry[], lastNumber = 0) {
    this.#clock = clock;
    this.#lastNumber = lastNumber;
    for (const entry of entries) this.#add(entry);
  }

  /** Those that are kept, oldest first. */
  entries(): Iterable<SessionEntry> {
    return this.#entries.values();
  }

  /** All logs that are kept, active or ended, oldest first. */
  *logs(): Generator<Log> {
    for (const { log } of this.#entries.values()) yield log;
  }

  log(number: number): Log | undefined {
    return (this.#entries.get(number) ?? this.#removed.get(number))?.log;
  }

  /** Whether there is, or was, a log of that number. */
  hasHad(number: number): boolean {
    return number <= this.#lastNumber;
  }

  active(source: string): Log | undefined {
    return this.#bySource.get(source)?.active()?.log;
  }

  /** As {@link Store.findSession}. */
  find(source: string, session: string): SessionSummary | undefined {
    const own = this.#bySource.get(source);
    const entry = session === '' ? own?.newest() : own?.named(session);
    return entry && this.summary(entry.log);
  }

  /** As {@link Store.sessionNames}. */
  names(source: string): string[] {
    return [...(this.#bySource.get(source)?.names() ?? []), ...this.#reservations.names(source)];
  }

  summary(log: Log): SessionSummary {
    const entry = this.entry(log);
    return summarize(log, entry.row, this.#bySource.get(log.source)!.behind(entry)?.row.session);
  }

  /** As {@link Store.sessions}. */
  summaries(source?: string): SessionSummary[] {
    return this.#summariesOf(source, ({ log }) => !log.isRemoved);
  }

  /** As {@link SessionKeeping.discardedSessions}. */
  discarded(source?: string): SessionSummary[] {
    return this.#summariesOf(source, ({ row }) => row.discarded !== undefined);
  }

  #summariesOf(source: string | undefined, isMeant: (entry: SessionEntry) => boolean): SessionSummary[] {
    const sources = source === undefined ? [...this.#bySource.values()] : [this.#bySource.get(source)];
    const meant = sources.flatMap((own) => own?.all() ?? []).filter(({ entry }) => isMeant(entry));
    if (sources.length > 1) meant.sort((one, other) => one.sinceMs - other.sinceMs);
    return meant.map(({ entry: { log, row }, behind }) => summarize(log, row, behind?.row.session));
  }

  /** As {@link Store.reachedWrite}. */
  reachedWrite(log: Log): Operation {
    return catalogueWrite(log.number, { ...this.entry(log).row, lastSeq: log.lastSeq });
  }

  /** Whether a session of that source is on its way into the catalogue that has not ended. */
  isStarting(source: string): boolean {
    return this.#reservations.starting(source) !== undefined;
  }

  /**
   * Take a name, and a number for its log, for a session that is to be written; and its place, for a restored one.
   * @throws StorageError `ERR_SESSION_EXISTS`: the source has, or has had, one of that name. A restored session may have
   *   the name of one that was removed.
   */
  reserve(row: CatalogueRow): Reservation {
    const { source, session } = row;
    const isRestored = row.restoredMs !== undefined;
    const known = this.#bySource.get(source)?.named(session);
    if (known && !(known.log.isRemoved && isRestored)) {
      const found = known.log.isRemoved ? `has had a session ${session}` : `has a session ${session} already`;
      throw new StorageError('ERR_SESSION_EXISTS', `source ${source} ${found}`);
    }
    assert(this.#lastNumber < logNumberMax, 'numbers for logs are used up');
    const place = isRestored && this.#placeFor(row);
    const placed = place ? { ...row, place } : row;
    const reservation = this.#reservations.add(new Reservation(placed, this.#lastNumber + 1));
    this.#lastNumber += 1;
    return reservation;
  }

  /** Nothing will be written under that name: it is free again. Its number is not given out again. */
  release(reservation: Reservation): void {
    this.#reservations.release(reservation);
  }

  /**
   * Have the line of a reserved session written; it is in the catalogue then.
   * @throws StorageError when it could not be: write it again, or release it; unless nobody can tell whether it was
   *   (`isDoubtful`): then that shows when the database is open again
   */
  async enter(reservation: Reservation, log: Log, write: () => Promise<void>): Promise<Log> {
    this.#add(await this.#reservations.write(reservation, log, write));
    return log;
  }

  /** To be called with a database that was opened again: sessions of which nobody could tell are looked for. */
  recover(level: LevelHandle): Promise<() => void> {
    return this.#reservations.recover(level, (entry) => this.#add(entry));
  }

  /**
   * The line of a restored session with what the removed one it was says, and its archive does not: that it is not to be
   * used either, and which one it is relayed from.
   */
  continued(row: CatalogueRow): CatalogueRow {
    const { discarded, upstreamEpoch } = this.#bySource.get(row.source)?.named(row.session)?.row ?? {};
    return { ...(discarded && { discarded }), ...(upstreamEpoch !== undefined && { upstreamEpoch }), ...row };
  }

  /** The deletion of the line of a removed session whose name another one is to have. */
  replacing({ source, session }: CatalogueRow): Operation[] {
    const known = this.#bySource.get(source)?.named(session);
    return known ? [catalogueDeletion(known.log.number)] : [];
  }

  /** What goes with the removal of a session of that source now. */
  removal(source: string): Removal {
    return this.#bySource.get(source)!.removal(this.#clock());
  }

  /** Nothing of a session is kept but its line, and nothing at all of those that are forgotten; that is in the database. */
  removed(entry: SessionEntry, forgotten: readonly SessionEntry[]): void {
    entry.log.removed();
    this.#entries.delete(entry.log.number);
    this.#removed.set(entry.log.number, entry);
    for (const one of forgotten) this.#forget(one);
  }

  /** @throws AssertionError when the log is of another store, or its session is not known any more */
  entry(log: Log): SessionEntry {
    const entry = this.#entries.get(log.number) ?? this.#removed.get(log.number);
    assert(entry?.log === log, `log ${log.number} is not of this store`);
    return entry;
  }

  /** As {@link SourceSessions.placeFor}; where there is none yet, in front of the first one that begins. */
  #placeFor(row: CatalogueRow): SessionPlace | undefined {
    const starting = this.#reservations.starting(row.source);
    return this.#bySource.get(row.source)?.placeFor(row) ?? (starting && { inFrontOf: starting.number });
  }

  /** A removed session is not known any more. */
  #forget(entry: SessionEntry): void {
    this.#bySource.get(entry.log.source)!.delete(entry);
    this.#removed.delete(entry.log.number);
  }

  #add(entry: SessionEntry): void {
    const { number, source, session, isRemoved } = entry.log;
    const own = this.#bySource.get(source) ?? new SourceSessions();
    this.#bySource.set(source, own);
    const known = own.named(session);
    if (known?.log === entry.log) return;
    if (known) this.#forget(known);
    own.add(entry);
    (isRemoved ? this.#removed : this.#entries).set(number, entry);
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }
}
