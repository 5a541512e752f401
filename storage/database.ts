import type { Logger } from 'pino';
import { StorageError } from './errors.js';
import { isLevelFailure, type LevelHandle, type OpenLevel, openError, rootCause } from './level.js';
import type { Wait } from './wait.js';

/**
 * Reads what it needs from a database that was opened again. The step it returns is taken, synchronously, before
 * anybody else sees the database. A rejection counts as a failed attempt.
 */
export type Recover = (level: LevelHandle) => Promise<() => void>;

/** How a {@link Database} is opened, and opened again. */
export interface DatabaseOptions {
  directory: string;
  openLevel: OpenLevel;
  /** Pause before attempt 1, 2, 3… to open again; the first follows at once. */
  backoffMs: (attempt: number) => number;
  wait: Wait;
  logger: Logger;
}

interface Waiter {
  resolve(): void;
  reject(error: StorageError): void;
}

/**
 * The handle of the database, and its replacement. After a failed write nothing a handle says can be trusted: it is
 * closed at once, and only what a new one finds on disk counts.
 */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #stop = new AbortController();
  #level: LevelHandle | undefined;
  #state: 'open' | 'reopening' | 'closed' = 'open';
  #failure: unknown;
  #recover: Recover = async () => () => {};
  #reopening: Promise<void> = Promise.resolve();
  #waiters: Waiter[] = [];
  #reopens = 0;

  private constructor(options: DatabaseOptions, level: LevelHandle) {
    this.#options = options;
    this.#level = level;
  }

  /** @throws StorageError `ERR_DIRECTORY_IN_USE`, `ERR_STORAGE_OPEN` */
  static async open(options: DatabaseOptions): Promise<Database> {
    try {
      return new Database(options, await options.openLevel(options.directory));
    } catch (error) {
      throw openError(options.directory, error);
    }
  }

  /** The handle; `undefined` while there is none to be trusted. */
  get level(): LevelHandle | undefined {
    return this.#state === 'open' ? this.#level : undefined;
  }

  /** How often it was opened again. */
  get reopens(): number {
    return this.#reopens;
  }

  /** Called at every reopen, from the next one on. */
  set recover(recover: Recover) {
    this.#recover = recover;
  }

  /** Why there is no handle; `undefined` when there is one. */
  unavailable(): StorageError | undefined {
    if (this.#state === 'open') return undefined;
    if (this.#state === 'closed') return new StorageError('ERR_STORAGE_CLOSED', 'the store is closed');
    const { message } = rootCause(this.#failure);
    return new StorageError('ERR_STORAGE_UNAVAILABLE', `the log is being reopened after a failure: ${message}`, {
      cause: this.#failure,
    });
  }

  /** Resolves when there is a handle; rejects with `ERR_STORAGE_CLOSED` when there will be none. */
  async ready(): Promise<void> {
    if (this.#state === 'open') return;
    if (this.#state === 'closed') throw this.unavailable();
    await new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /**
   * Read from the database; once more when it was closed meanwhile, after waiting for the new handle.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`; what the job throws by itself, as it is
   */
  async read<T>(job: (level: LevelHandle) => Promise<T>): Promise<T> {
    for (;;) {
      await this.ready();
      const level = this.level;
      if (!level) continue;
      try {
        return await job(level);
      } catch (error) {
        if (!isLevelFailure(error)) throw error;
        if (this.level !== level) continue;
        throw new StorageError('ERR_STORAGE_UNAVAILABLE', `reading failed: ${rootCause(error).message}`, {
          cause: error,
        });
      }
    }
  }

  /** A write has failed: the handle is not used again, and a new one is opened, however long it takes. */
  failed(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'reopening';
    this.#failure = error;
    this.#options.logger.error({ err: error }, 'a write failed: the log is closed and opened again');
    this.#reopening = this.#reopen();
  }

  /** Close for good. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#stop.abort();
    await this.#reopening;
    await this.#release();
    for (const { reject } of this.#waiters.splice(0)) reject(this.unavailable()!);
  }

  async #reopen(): Promise<void> {
    await this.#release();
    for (let attempt = 0; this.#state === 'reopening'; attempt += 1) {
      if (attempt > 0) await this.#pause(attempt);
      const step = await this.#attempt(attempt);
      if (step && this.#state === 'reopening') return this.#opened(step, attempt);
    }
  }

  #opened(step: () => void, attempt: number): void {
    this.#state = 'open';
    this.#reopens += 1;
    this.#options.logger.info({ attempt }, 'the log is open again');
    step();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  /** @returns the step to take now that the database is open; `undefined` when it is not */
  async #attempt(attempt: number): Promise<(() => void) | undefined> {
    if (this.#state !== 'reopening') return undefined;
    try {
      this.#level = await this.#options.openLevel(this.#options.directory);
      return await this.#recover(this.#level);
    } catch (error) {
      this.#failure = error;
      this.#options.logger.warn({ err: error, attempt }, 'the log cannot be opened again yet');
      await this.#release();
      return undefined;
    }
  }

  async #pause(attempt: number): Promise<void> {
    try {
      await this.#options.wait(this.#options.backoffMs(attempt), this.#stop.signal);
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  /** What a handle says when it is given up changes nothing. */
  async #release(): Promise<void> {
    const level = this.#level;
    this.#level = undefined;
    try {
      await level?.close();
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'closing the database failed');
    }
  }
}
