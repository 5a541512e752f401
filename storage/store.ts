import type { Durability, SessionSummary } from '../protocol/index.js';
import type { Background } from './background.js';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import { StorageError } from './errors.js';
import type { GroupKeeping } from './group-keeping.js';
import { type InputPosition, readInputPosition } from './input-position.js';
import { type LevelHandle, type Operation, writeBatch } from './level.js';
import type { Log } from './log.js';
import { cleanMarker } from './open-store.js';
import type { Page } from './page.js';
import type { PageReader } from './page-reader.js';
import type { ReceiptBook } from './receipt-book.js';
import type { PublisherRecord } from './receipts.js';
import { recoverLogs } from './recover-logs.js';
import type { SessionKeeping } from './session-keeping.js';
import type { Roll, SessionStarts } from './session-starts.js';
import type { Sessions } from './sessions.js';
import type { SpaceGuard } from './space-guard.js';
import { type StoreOptions, settle } from './store-options.js';
import { openParts, type StoreParts } from './store-parts.js';
import type { StoreStats } from './store-stats.js';
import { syncJournal } from './sync-journal.js';

/** All sessions of a server, in one LevelDB database. A directory is open in one store at a time. */
export class Store {
  /** The level at which every message is written at least. */
  readonly durability: Durability;
  /** Through which everything is written. */
  readonly committer: Committer;
  /** Through which ended sessions are verified, archived, removed and restored. */
  readonly keeping: SessionKeeping;
  /** What groups need beside their logs. */
  readonly groups: GroupKeeping;
  readonly #options: Required<StoreOptions>;
  readonly #database: Database;
  readonly #guard: SpaceGuard;
  readonly #sessions: Sessions;
  readonly #starts: SessionStarts;
  readonly #pages: PageReader;
  readonly #receipts: ReceiptBook;
  readonly #background: Background;
  readonly #reopened = new Set<() => void>();
  #closing: Promise<void> | undefined;

  private constructor(options: Required<StoreOptions>, parts: StoreParts) {
    this.#options = options;
    this.durability = options.durability;
    this.committer = parts.committer;
    this.keeping = parts.keeping;
    this.groups = parts.groups;
    this.#database = parts.database;
    this.#guard = parts.guard;
    this.#sessions = parts.sessions;
    this.#starts = parts.starts;
    this.#pages = parts.pages;
    this.#receipts = parts.receipts;
    this.#background = parts.background;
    this.#database.recover = (level) => this.#recover(level);
  }

  /**
   * Open, or create, the database of a directory.
   * @throws StorageError `ERR_DIRECTORY_IN_USE`, `ERR_STORAGE_OPEN`
   */
  static async open(given: StoreOptions): Promise<Store> {
    const options = settle(given);
    return new Store(options, await openParts(options));
  }

  /** The catalogue of one source, or of all; newest last. Sessions that were removed are not in it. */
  sessions(source?: string): SessionSummary[] {
    return this.#sessions.summaries(source);
  }

  /**
   * The line of a session of that source, for a while also of one that was removed; of the newest one when `session` is
   * empty. Takes no longer with more sessions.
   */
  findSession(source: string, session: string): SessionSummary | undefined {
    return this.#sessions.find(source, session);
  }

  /** The names a session to come cannot have: of all sessions of a source that are known, and of those being written. */
  sessionNames(source: string): string[] {
    return this.#sessions.names(source);
  }

  /** A log's line of the catalogue. */
  summary(log: Log): SessionSummary {
    return this.#sessions.summary(log);
  }

  /** The write that puts on record what number a log has reached, for one that has skipped some at its end. */
  reachedWrite(log: Log): Operation {
    return this.#sessions.reachedWrite(log);
  }

  /** The log of the session that is not ended; a source has at most one. */
  activeSession(source: string): Log | undefined {
    return this.#sessions.active(source);
  }

  /** The log of that number, active or ended; one whose session was removed long ago is not known any more. */
  log(number: number): Log | undefined {
    return this.#sessions.log(number);
  }

  /**
   * Start a session; waits for a reopen, for it is then that an earlier attempt shows.
   * @param upstreamEpoch of a relayed session: the epoch it has on the server it is relayed from
   * @throws StorageError `ERR_SESSION_ACTIVE`: the source has one; `ERR_SESSION_EXISTS`: it has had one of that name;
   *   when it could not be written; `ERR_OUTCOME_UNKNOWN`: unless it is found to be written when the database is open again
   */
  async createSession(source: string, session: string, upstreamEpoch?: string): Promise<Log> {
    await this.#database.ready();
    return this.#starts.create(source, session, upstreamEpoch);
  }

  /**
   * End a session and start the one behind it, in one batch: at no moment, and after no crash, does the source have two
   * active sessions, or none. Nothing may be sealed, or waiting to be, meanwhile.
   * @returns the log of the session that has begun
   * @throws StorageError when it could not be written: the session goes on; `ERR_OUTCOME_UNKNOWN`: unless it is found
   *   to be written when the database is open again; `ERR_SESSION_EXISTS`
   */
  async rollSession(log: Log, roll: Roll): Promise<Log> {
    // While it is opened again nobody knows what an earlier attempt has come to: this one might start a second session.
    const unavailable = this.#database.unavailable();
    if (unavailable) throw unavailable;
    return this.#starts.roll(log, roll);
  }

  /**
   * What is on record of a publisher; waits for a reopen.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
   */
  publisher(source: string, publisherId: string): Promise<PublisherRecord> {
    return this.#database.read((level) => this.#receipts.record(level, source, publisherId));
  }

  /**
   * How far an input of a source is; `undefined` when nothing of it is on record. Waits for a reopen.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
   */
  inputPosition(source: string, input: string): Promise<InputPosition | undefined> {
    return this.#database.read((level) => readInputPosition(level, source, input));
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
   * Be told when the database is open again after a failure, before anything is sealed. It may hold more than was
   * acknowledged: messages of a log, and what a {@link rollSession} or {@link createSession} that had failed with
   * `ERR_OUTCOME_UNKNOWN` was to write (the log's `state` is `ended` then, and nothing can be sealed any more).
   * @returns stops it
   */
  onReopened(listener: () => void): () => void {
    this.#reopened.add(listener);
    return () => this.#reopened.delete(listener);
  }

  /**
   * The page of a log that starts with the block that holds `from`: 256 to 512 KiB, nothing behind the block that holds
   * `to`. It says what is lost and always gets further; waits for a reopen. Of a session that was removed all is lost.
   * @param log number of a log
   * @param from 1 .. the log's last number
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE` (an I/O error that is not corruption)
   */
  async read(log: number, from: number, to: number): Promise<Page> {
    const found = this.log(log);
    if (!found && !this.#sessions.hasHad(log)) throw new RangeError(`there is no log ${log}`);
    // Removed so long ago that not even its last number is known any more.
    if (!found) return { stretches: [], lost: { from, to, reason: 'retention' }, next: to + 1 };
    found.readAt(this.#options.clock());
    return await this.#pages.read(found, from, to);
  }

  /** One step of the background work on small blocks, now. @returns whether it got any further */
  coalesceOnce(): Promise<boolean> {
    return this.#background.coalescer.once();
  }

  /** One step of the background work on expired receipts, now. @returns whether there are more to look at */
  sweepOnce(): Promise<boolean> {
    return this.#background.sweeper.once();
  }

  /**
   * Put all receipts in rows of their own, now.
   * @throws StorageError when a write failed; they are still stored with their blocks
   */
  saveReceipts(): Promise<void> {
    return this.#background.saveReceipts();
  }

  /** Waits for the batch in flight, puts on record that this was a clean end, and lets go of the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Counters since the store was opened. */
  stats(): StoreStats {
    let ringBytes = 0;
    for (const { ring } of this.#sessions.logs()) ringBytes += ring.bytes;
    return {
      ...this.committer.counters,
      ...this.#pages.counters,
      ringBytes,
      freeBytes: this.#guard.freeBytes,
      coalesced: this.#background.coalescer.operations,
      reopens: this.#database.reopens,
    };
  }

  async #close(): Promise<void> {
    const stopped = this.#background.stop();
    await this.committer.close();
    const { level } = this.#database;
    try {
      if (level) await this.#endCleanly(level);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the clean end of the log could not be put on record');
    }
    await this.#database.close();
    await stopped;
  }

  async #endCleanly(level: LevelHandle): Promise<void> {
    if (this.durability === 'os') await syncJournal(this.#options.directory);
    const operations = [
      ...cleanMarker(this.#sessions.entries()),
      ...this.#background.coalescer.cursors(),
      ...(await this.#receipts.remaining(this.#sessions.logs())),
    ];
    await writeBatch(level, operations, true);
  }

  /** After a reopen: first what was in doubt is settled, then each log takes in what it did not know it had. */
  async #recover(level: LevelHandle): Promise<() => void> {
    const settleDoubtful = await this.committer.recover(level);
    const updateLogs = await recoverLogs(level, this.#sessions, this.#options.logger);
    const takeInReceipts = await this.#receipts.find(level, this.#sessions.logs(), (log) => log.lastSeq);
    return () => {
      settleDoubtful();
      updateLogs();
      takeInReceipts();
      for (const listener of this.#reopened) listener();
    };
  }
}
