import { strict as assert } from 'node:assert';
import { mkdir } from 'node:fs/promises';
import type { Durability, SessionSummary } from '../protocol/index.js';
import { type CatalogueRow, catalogueWrite, summarize } from './catalogue.js';
import { Committer } from './committer.js';
import { Database } from './database.js';
import { StorageError } from './errors.js';
import { logNumberMax } from './keys.js';
import { type LevelHandle, openError, writeBatch } from './level.js';
import { Log } from './log.js';
import { readBlocksBehind } from './log-bounds.js';
import { cleanMarker, type SessionEntry, startFrom } from './open-store.js';
import type { Page } from './page.js';
import { PageReader } from './page-reader.js';
import { PublisherRecord } from './receipts.js';
import { SpaceGuard } from './space-guard.js';
import { type StoreOptions, settle } from './store-options.js';

/** Counters for `inspect`. */
export interface StoreStats {
  /** Batches written. */
  batches: number;
  /** Blocks and other items in them. */
  commits: number;
  bytesWritten: number;
  /** Pages read from the database. */
  reads: number;
  bytesRead: number;
  /** Pages that needed no read of their own. */
  cacheHits: number;
  cacheBytes: number;
  ringBytes: number;
  freeBytes: number;
  /** How often the database was opened again after a failed write. */
  reopens: number;
}

/** All sessions of a server, in one LevelDB database. A directory is open in one store at a time. */
export class Store {
  /** The level at which every message is written at least. */
  readonly durability: Durability;
  /** Through which everything is written. */
  readonly committer: Committer;
  readonly #options: Required<StoreOptions>;
  readonly #database: Database;
  readonly #guard: SpaceGuard;
  readonly #pages: PageReader;
  /** By number of the log, oldest first. */
  readonly #sessions = new Map<number, SessionEntry>();
  readonly #reopened = new Set<() => void>();
  #closing: Promise<void> | undefined;

  private constructor(
    options: Required<StoreOptions>,
    database: Database,
    guard: SpaceGuard,
    sessions: SessionEntry[],
  ) {
    this.#options = options;
    this.#database = database;
    this.#guard = guard;
    this.durability = options.durability;
    this.#pages = new PageReader(database, options.pageCacheBytesMax);
    for (const entry of sessions) this.#sessions.set(entry.log.number, entry);
    const { durability, outcomeDeadlineMs, wait } = options;
    const unsyncedOnRecord = durability === 'os';
    this.committer = new Committer({ database, durability, guard, unsyncedOnRecord, outcomeDeadlineMs, wait });
    database.recover = (level) => this.#recover(level);
  }

  /**
   * Open, or create, the database of a directory.
   * @throws StorageError `ERR_DIRECTORY_IN_USE`, `ERR_STORAGE_OPEN`
   */
  static async open(given: StoreOptions): Promise<Store> {
    const options = settle(given);
    const { directory, clock, logger, backoffMs, wait } = options;
    try {
      await mkdir(directory, { recursive: true });
    } catch (error) {
      throw openError(directory, error);
    }
    const database = await Database.open({ directory, openLevel: options.openLevel, backoffMs, wait, logger });
    try {
      const expiredMs = clock() - options.publisherExpiryMs;
      const sessions = await startFrom(database.level!, { ...options, expiredMs });
      const reserveBytes = options.diskReserveBytes;
      const guard = await SpaceGuard.start({ directory, reserveBytes, freeBytes: options.freeBytes, clock, logger });
      return new Store(options, database, guard, sessions);
    } catch (error) {
      await database.close();
      throw openError(directory, error);
    }
  }

  /** The catalogue of one source, or of all; newest last. */
  sessions(source?: string): SessionSummary[] {
    const summaries: SessionSummary[] = [];
    for (const { log } of this.#sessions.values()) {
      if (source === undefined || log.source === source) summaries.push(this.summary(log));
    }
    return summaries;
  }

  /** A log's line of the catalogue. */
  summary(log: Log): SessionSummary {
    return summarize(log.number, this.#entry(log).row, log.firstSeq, log.lastSeq);
  }

  /** The log of the session that is not ended; a source has at most one. */
  activeSession(source: string): Log | undefined {
    for (const { log } of this.#sessions.values()) {
      if (log.source === source && log.state === 'active') return log;
    }
    return undefined;
  }

  /** The log of that number, active or ended. */
  log(number: number): Log | undefined {
    return this.#sessions.get(number)?.log;
  }

  /**
   * Start a session.
   * @param source has no active session
   * @param session a name the source has not had before
   * @throws StorageError when it could not be written
   */
  async createSession(source: string, session: string): Promise<Log> {
    const known = this.sessions(source);
    assert(!known.some(({ state }) => state === 'active'), `source ${source} has an active session`);
    assert(!known.some((summary) => summary.session === session), `source ${source} has had a session ${session}`);
    const number = Math.max(0, ...this.#sessions.keys()) + 1;
    assert(number <= logNumberMax, 'numbers for logs are used up');
    const epoch = this.#options.randomEpoch();
    const row: CatalogueRow = { source, session, epoch, createdMs: this.#options.clock(), lastSeq: 0 };
    const facts = { number, source, session, epoch, state: 'active', firstSeq: 1, lastSeq: 0, timeMs: 0 } as const;
    await this.committer.write([catalogueWrite(number, row)], 'disk');
    const log = new Log(facts, this.#options.ringBytesMax);
    this.#sessions.set(number, { log, row });
    return log;
  }

  /**
   * End a session; resolves when that is durable. Nothing may be sealed, or waiting to be, while it ends.
   * @throws StorageError when it could not be written: the session goes on
   */
  async endSession(log: Log, reason: string): Promise<SessionSummary> {
    const entry = this.#entry(log);
    log.ending();
    const row = { ...entry.row, lastSeq: log.lastSeq, ended: { atMs: this.#options.clock(), reason } };
    try {
      await this.committer.write([catalogueWrite(log.number, row)], 'disk');
    } catch (error) {
      log.notEnded();
      throw error;
    }
    entry.row = row;
    log.ended();
    return this.summary(log);
  }

  /**
   * What is on record of a publisher, read from the database; waits for a reopen.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
   */
  async publisher(source: string, publisherId: string): Promise<PublisherRecord> {
    return await this.#database.read((level) => PublisherRecord.load(level, source, publisherId, this.#options.clock));
  }

  /** Why a publish has to be refused at this moment; `undefined` when it need not. */
  unavailable(): StorageError | undefined {
    if (this.#closing) return new StorageError('ERR_STORAGE_CLOSED', 'the store is closed');
    return this.#database.unavailable() ?? this.#guard.refusal();
  }

  /** Resolves when the database is open; rejects with `ERR_STORAGE_CLOSED` once it will not be any more. */
  ready(): Promise<void> {
    return this.#database.ready();
  }

  /**
   * Be told when the database is open again after a failure; what it holds may be more than was acknowledged.
   * @returns stops it
   */
  onReopened(listener: () => void): () => void {
    this.#reopened.add(listener);
    return () => this.#reopened.delete(listener);
  }

  /**
   * The page of a log that starts with the block that holds `from`: about 256 KiB, nothing behind the block that holds
   * `to`. It says what is lost and always gets further; waits for a reopen.
   * @param log number of a log
   * @param from 1 .. the log's last number
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE` (an I/O error that is not corruption)
   */
  async read(log: number, from: number, to: number): Promise<Page> {
    const found = this.log(log);
    if (!found) throw new RangeError(`there is no log ${log}`);
    return await this.#pages.read(found, from, to);
  }

  /** Waits for the batch in flight, puts on record that this was a clean end, and lets go of the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Counters since the store was opened. */
  stats(): StoreStats {
    let ringBytes = 0;
    for (const { log } of this.#sessions.values()) ringBytes += log.ring.bytes;
    const { freeBytes } = this.#guard;
    return {
      ...this.committer.counters,
      ...this.#pages.counters,
      ringBytes,
      freeBytes,
      reopens: this.#database.reopens,
    };
  }

  async #close(): Promise<void> {
    await this.committer.close();
    const { level } = this.#database;
    try {
      if (level) await writeBatch(level, cleanMarker(this.#sessions.values()), true);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the end of the log could not be put on record');
    }
    await this.#database.close();
  }

  /** After a reopen: first what was in doubt is settled, then each log takes in what it did not know it had. */
  async #recover(level: LevelHandle): Promise<() => void> {
    const settleDoubtful = await this.committer.recover(level);
    const active = [...this.#sessions.values()].filter(({ log }) => log.state === 'active');
    const found = await Promise.all(active.map(({ log }) => readBlocksBehind(level, log.number, log.lastSeq)));
    return () => {
      settleDoubtful();
      active.forEach(({ log }, index) => {
        for (const block of found[index]!) log.found(block);
      });
      for (const listener of this.#reopened) listener();
    };
  }

  #entry(log: Log): SessionEntry {
    const entry = this.#sessions.get(log.number);
    assert(entry?.log === log, `log ${log.number} is not of this store`);
    return entry;
  }
}
