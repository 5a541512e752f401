import type { Logger } from 'pino';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import type { StorageError } from './errors.js';
import { blockKey, readBlockKey } from './keys.js';
import type { LevelHandle, Operation } from './level.js';
import type { Log } from './log.js';
import type { ReadSlots } from './read-slots.js';
import { StepLoop } from './step-loop.js';

/** What a {@link Trimmer} works on. */
export interface TrimmerOptions {
  database: Database;
  committer: Pick<Committer, 'write'>;
  /** It waits its turn with those who read pages. */
  slots: ReadSlots;
  /** Why nothing can, or should, be written now. */
  unavailable: () => StorageError | undefined;
  /** All logs, at the moment of asking. */
  logs: () => Iterable<Log>;
  /** Give the room of what was deleted in a range back to the disk. */
  compact: (from: Buffer, to: Buffer) => Promise<void>;
  /** Put the receipts there are in rows: those that are with a block do not outlast it. */
  saveReceipts: () => Promise<void>;
  /** Pause between two steps that found something to delete. */
  stepMs: number;
  /** Pause after a look that found nothing. */
  idleMs: number;
  logger: Logger;
}

/** Values deleted in one step, at most. */
const valuesMax = 250;
/** Values after which the room they took is given back to the disk. */
const valuesPerCompaction = 4_000;

interface Progress {
  /** Everything up to here is deleted. */
  doneSeq: number;
  /** Everything up to here takes no room any more. */
  compactedSeq: number;
  /** Values deleted since. */
  values: number;
}

/**
 * Deletes what lies in front of the first number that is kept of a log. That number is on record before; whatever of
 * this is lost in a crash is done again. The value with the log's last number stays: it knows number and time.
 */
export class Trimmer {
  readonly #options: TrimmerOptions;
  readonly #progress = new Map<number, Progress>();
  readonly #loop: StepLoop;

  constructor(options: TrimmerOptions) {
    const { stepMs, idleMs, logger } = options;
    this.#options = options;
    const failure = 'messages nobody has a claim to could not be deleted';
    this.#loop = new StepLoop({ step: () => this.once(), stepMs, idleMs, logger, failure });
  }

  /** Work from now on, a step at a time. */
  start(): void {
    this.#loop.start(this.#options.idleMs);
  }

  /** Resolves when the step under way is done; there will be no other. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /**
   * Delete some values of each log.
   * @returns whether there were any
   * @throws StorageError when a write failed: it is tried again
   */
  async once(): Promise<boolean> {
    let worked = false;
    for (const log of this.#options.logs()) {
      if (this.#loop.stopped || this.#options.unavailable()) break;
      if (log.isTrimmed && (await this.#step(log))) worked = true;
    }
    return worked;
  }

  async #step(log: Log): Promise<boolean> {
    const progress = this.#progress.get(log.number) ?? { doneSeq: 0, compactedSeq: 0, values: 0 };
    this.#progress.set(log.number, progress);
    const endSeq = Math.min(log.firstSeq, log.lastSeq) - 1;
    if (progress.doneSeq >= endSeq) return false;
    const { database, slots, committer, saveReceipts } = this.#options;
    if (log.receiptsSeq < endSeq) await saveReceipts();
    const keys = await slots.run(() => database.read((level) => someKeys(level, log, progress.doneSeq, endSeq)));
    if (keys.length > 0) await committer.write(keys.map(deletion), 'os');
    const more = keys.length === valuesMax;
    progress.values += keys.length;
    progress.doneSeq = (more && readBlockKey(keys[keys.length - 1]!)?.lastSeq) || endSeq;
    if (progress.values >= valuesPerCompaction) await this.#compact(log, progress);
    return more;
  }

  async #compact({ number }: Log, progress: Progress): Promise<void> {
    const { doneSeq, compactedSeq } = progress;
    await this.#options.compact(blockKey(number, compactedSeq), blockKey(number, doneSeq));
    progress.compactedSeq = doneSeq;
    progress.values = 0;
  }
}

function deletion(key: Buffer): Operation {
  return { type: 'del', key };
}

/** The keys of values behind `doneSeq` up to `endSeq`. */
function someKeys(level: LevelHandle, { number }: Log, doneSeq: number, endSeq: number): Promise<Buffer[]> {
  const range = { gte: blockKey(number, doneSeq + 1), lt: blockKey(number, endSeq + 1) };
  return level.keys({ ...range, limit: valuesMax }).all();
}
