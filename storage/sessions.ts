import { strict as assert } from 'node:assert';
import type { SessionSummary } from '../protocol/index.js';
import { type CatalogueRow, catalogueDeletion, catalogueWrite, summarize } from './catalogue.js';
import type { Committer } from './committer.js';
import { logNumberMax } from './keys.js';
import type { Operation } from './level.js';
import { Log } from './log.js';

/** A session of the catalogue with its log. */
export interface SessionEntry {
  readonly log: Log;
  row: CatalogueRow;
  /** The one that was behind it when it was removed. */
  behind?: SessionEntry | undefined;
}

/** How a session is rolled. */
export interface Roll {
  /** Name of the session that begins; one the source has not had before. */
  session: string;
  /** Why the one before it ends. */
  reason: string;
  /** What the one before it holds is not to be used. */
  discarded?: boolean;
}

/** The sessions of one source. */
interface SourceSessions {
  /** Oldest first. */
  entries: SessionEntry[];
  byName: Map<string, SessionEntry>;
}

/** What {@link Sessions} needs to start and end sessions. */
export interface SessionsOptions {
  committer: Pick<Committer, 'write'>;
  clock: () => number;
  randomEpoch: () => string;
  ringBytesMax: number;
}

/** Removed sessions that are still known by number: those who were reading one are told that it is gone. */
const removedMax = 1_000;

/** The catalogue in memory, in step with the one in the database. */
export class Sessions {
  readonly #options: SessionsOptions;
  /** By number of the log, oldest first. */
  readonly #entries = new Map<number, SessionEntry>();
  readonly #bySource = new Map<string, SourceSessions>();
  /** Sources for which a session is being started. */
  readonly #starting = new Set<string>();
  /** Sessions that are not there any more, by number. */
  readonly #removed = new Map<number, SessionEntry>();
  #describing: Promise<unknown> = Promise.resolve();
  #lastNumber: number;

  /** @param lastNumber the highest number of a log that is, or was, in the database without being in the catalogue */
  constructor(options: SessionsOptions, entries: readonly SessionEntry[], lastNumber = 0) {
    this.#options = options;
    this.#lastNumber = lastNumber;
    for (const entry of entries) this.#add(entry);
  }

  /** Oldest first. */
  entries(): Iterable<SessionEntry> {
    return this.#entries.values();
  }

  /** All logs, active or ended, oldest first. */
  *logs(): Generator<Log> {
    for (const { log } of this.#entries.values()) yield log;
  }

  log(number: number): Log | undefined {
    return (this.#entries.get(number) ?? this.#removed.get(number))?.log;
  }

  active(source: string): Log | undefined {
    return this.#bySource.get(source)?.entries.findLast(({ log }) => log.state === 'active')?.log;
  }

  /** As {@link Store.findSession}. */
  find(source: string, session: string): SessionSummary | undefined {
    const own = this.#bySource.get(source);
    const entry = session === '' ? own?.entries[own.entries.length - 1] : own?.byName.get(session);
    return entry && this.summary(entry.log);
  }

  summary(log: Log): SessionSummary {
    const entry = this.#entry(log);
    return summarize(log, entry.row, this.#behind(entry)?.row.session);
  }

  summaries(source?: string): SessionSummary[] {
    const sources = source === undefined ? [...this.#bySource.values()] : [this.#bySource.get(source)];
    const entries = sources.flatMap((own) => own?.entries ?? []);
    if (sources.length > 1) entries.sort((one, other) => one.row.createdMs - other.row.createdMs);
    return entries.map(({ log }) => this.summary(log));
  }

  /** As {@link Store.createSession}. */
  async create(source: string, session: string): Promise<Log> {
    const active = this.active(source) !== undefined || this.#starting.has(source);
    assert(!active, `source ${source} has an active session`);
    const { number, row, write } = this.#begin(source, session);
    this.#starting.add(source);
    try {
      await this.#options.committer.write([write], 'disk');
    } finally {
      this.#starting.delete(source);
    }
    return this.begun(number, row);
  }

  /** As {@link Store.rollSession}. */
  async roll(log: Log, { session, reason, discarded = false }: Roll): Promise<Log> {
    const next = this.#begin(log.source, session);
    await this.#end(log, { reason, ...(discarded && { discarded: true }) }, next.write);
    return this.begun(next.number, next.row);
  }

  /** Take in a session whose line is in the database: it has just begun. One that is known already stays as it is. */
  begun(number: number, row: CatalogueRow): Log {
    const known = this.log(number);
    if (known) return known;
    const { source, session, epoch } = row;
    const log = new Log(
      { number, source, session, epoch, state: 'active', firstSeq: 1, lastSeq: 0, timeMs: 0, receiptsSeq: 0 },
      this.#options.ringBytesMax,
    );
    this.#add({ log, row });
    return log;
  }

  /** As {@link Store.endSession}. */
  async end(log: Log, reason: string): Promise<SessionSummary> {
    await this.#end(log, { reason });
    return this.summary(log);
  }

  /** @param along what is written in the same batch */
  async #end(log: Log, why: { reason: string; discarded?: true }, ...along: Operation[]): Promise<void> {
    const { clock, committer } = this.#options;
    const entry = this.#entry(log);
    log.ending();
    const row = { ...entry.row, lastSeq: log.lastSeq, ended: { atMs: clock(), ...why } };
    try {
      await committer.write([catalogueWrite(log.number, row), ...along], 'disk');
      entry.row = row;
    } catch (error) {
      log.notEnded();
      // An earlier attempt, of which nobody could tell, has ended it after all.
      if (log.state !== 'ended') throw error;
    }
    log.ended();
  }

  /** The line of a session that is to begin, under a number of its own. */
  #begin(source: string, session: string): { number: number; row: CatalogueRow; write: Operation } {
    const { clock, randomEpoch } = this.#options;
    assert(!this.#bySource.get(source)?.byName.has(session), `source ${source} has had a session ${session}`);
    const number = this.nextNumber();
    const row: CatalogueRow = { source, session, epoch: randomEpoch(), createdMs: clock(), lastSeq: 0 };
    return { number, row, write: catalogueWrite(number, row) };
  }

  /** A number for another log; it is not given out again. */
  nextNumber(): number {
    assert(this.#lastNumber < logNumberMax, 'numbers for logs are used up');
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  /**
   * Add to the line of an ended session; one after the other, for each line is written whole.
   * @throws StorageError when it could not be written
   */
  describe(log: Log, facts: Partial<Pick<CatalogueRow, 'checked' | 'archivedMs'>>): Promise<SessionSummary> {
    const described = this.#describing.then(async () => {
      const entry = this.#entry(log);
      assert(entry.row.ended, `log ${log.number} has not ended`);
      const row = { ...entry.row, ...facts };
      if (this.#removed.has(log.number)) return this.summary(log);
      await this.#options.committer.write([catalogueWrite(log.number, row)], 'disk');
      entry.row = row;
      return this.summary(log);
    });
    this.#describing = described.catch(() => {});
    return described;
  }

  /** As {@link GroupKeeping.trim}. */
  trim(log: Log, firstSeq: number, atMs: number, along: () => Operation[]): Promise<void> {
    const trimmed = this.#describing.then(async () => {
      const entry = this.#entry(log);
      const row = { ...entry.row, trimmed: { firstSeq, atMs }, lastSeq: log.lastSeq };
      await this.#options.committer.write([catalogueWrite(log.number, row), ...along()], 'os');
      entry.row = row;
      log.trimmed(firstSeq, atMs);
    });
    this.#describing = trimmed.catch(() => {});
    return trimmed;
  }

  /**
   * Take an ended session out of the catalogue; whoever reads it finds that all of it is gone.
   * @param operations to be written in the same batch
   * @throws StorageError when it could not be written: the session is still there
   */
  remove(log: Log, operations: Operation[]): Promise<void> {
    const removed = this.#describing.then(async () => {
      const entry = this.#entry(log);
      assert(entry.row.ended, `log ${log.number} has not ended`);
      if (this.#removed.has(log.number)) return;
      await this.#options.committer.write([...operations, catalogueDeletion(log.number)], 'disk');
      this.#forget(entry);
    });
    this.#describing = removed.catch(() => {});
    return removed;
  }

  /** Take in a session that was restored; its line is in the database. */
  restored(entry: SessionEntry): void {
    this.#add(entry);
  }

  #forget(entry: SessionEntry): void {
    const { number } = entry.log;
    const own = this.#bySource.get(entry.row.source)!;
    entry.behind = this.#behind(entry);
    own.entries.splice(own.entries.indexOf(entry), 1);
    own.byName.delete(entry.row.session);
    this.#entries.delete(number);
    this.#removed.set(number, entry);
    for (const oldest of this.#removed.keys()) {
      if (this.#removed.size <= removedMax) break;
      this.#removed.delete(oldest);
    }
    entry.log.removed();
  }

  #add(entry: SessionEntry): void {
    this.#entries.set(entry.log.number, entry);
    const { source, session } = entry.row;
    const own: SourceSessions = this.#bySource.get(source) ?? { entries: [], byName: new Map() };
    this.#bySource.set(source, own);
    own.entries.splice(placeOf(entry, own.entries), 0, entry);
    own.byName.set(session, entry);
    this.#lastNumber = Math.max(this.#lastNumber, entry.log.number);
  }

  /** The session behind one; when it was removed, the first one behind it that is still there. */
  #behind(entry: SessionEntry): SessionEntry | undefined {
    const { entries } = this.#bySource.get(entry.row.source)!;
    for (let known: SessionEntry | undefined = entry; known; known = known.behind) {
      const place = entries.lastIndexOf(known);
      if (place !== -1) return known === entry ? entries[place + 1] : known;
    }
    return undefined;
  }

  #entry(log: Log): SessionEntry {
    const entry = this.#entries.get(log.number) ?? this.#removed.get(log.number);
    assert(entry?.log === log, `log ${log.number} is not of this store`);
    return entry;
  }
}

/** A restored session stands where it stood in time; any other is the newest one, whatever the clock says. */
function placeOf({ row }: SessionEntry, entries: readonly SessionEntry[]): number {
  if (row.restoredMs === undefined) return entries.length;
  const place = entries.findIndex((entry) => entry.row.createdMs > row.createdMs);
  return place === -1 ? entries.length : place;
}
