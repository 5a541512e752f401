import type { Logger } from 'pino';
import { cursorKey } from './coalescer.js';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import { blockKey, blocksEnd, KeyKind, metaKey } from './keys.js';
import { entries, type LevelHandle, type Operation } from './level.js';
import type { ReadSlots } from './read-slots.js';
import { receiptsSeqKey } from './receipt-book.js';
import { StepLoop } from './step-loop.js';

/** What {@link Orphans} work on. */
export interface OrphansOptions {
  database: Database;
  committer: Pick<Committer, 'write'>;
  /** They wait their turn with those who read pages. */
  slots: ReadSlots;
  /** Give the room of what was deleted in a range back to the disk. */
  compact: (from: Buffer, to: Buffer) => Promise<void>;
  /** Pause between two steps that found something to delete. */
  stepMs: number;
  /** Pause after a look that found nothing. */
  idleMs: number;
  logger: Logger;
}

/** Values deleted in one step, at most. */
const valuesMax = 250;
/** Steps after which the room of what was deleted is given back to the disk. */
const stepsPerCompaction = 16;

const prefix = 'orphan/';

/** Blocks that belong to no session: those of one that was removed, or of a restore that was not finished. */
export class Orphans {
  readonly #options: OrphansOptions;
  /** Numbers of their logs. */
  readonly #logs: Set<number>;
  readonly #loop: StepLoop;
  #steps = 0;
  #compactedTo: Buffer | undefined;

  /** @param logs what {@link readOrphans} has found */
  constructor(logs: Iterable<number>, options: OrphansOptions) {
    const { stepMs, idleMs, logger } = options;
    this.#options = options;
    this.#logs = new Set(logs);
    const failure = 'blocks of a session that is gone could not be deleted';
    this.#loop = new StepLoop({ step: () => this.once(), stepMs, idleMs, logger, failure });
  }

  /** Work from now on, a step at a time. */
  start(): void {
    this.#loop.start(this.#options.stepMs);
  }

  /** Resolves when the step under way is done; there will be no other. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** The blocks of this log are to be deleted; that is on record already, with {@link orphanWrite}. */
  add(log: number): void {
    this.#logs.add(log);
  }

  /**
   * Delete some values of one log; behind the last of them, the record of it. Every write is synced, so that no block
   * comes back when nothing is left that knows of it.
   * @returns whether there was anything to delete
   * @throws StorageError when a write failed: it is tried again
   */
  async once(): Promise<boolean> {
    const [log] = this.#logs;
    if (log === undefined) return false;
    const { database, slots, committer } = this.#options;
    const keys = await slots.run(() => database.read((level) => someKeys(level, log)));
    if (keys.length === 0) {
      await this.#compact(log, blocksEnd(log));
      const gone = [orphanKey(log), cursorKey(log), receiptsSeqKey(log)];
      await committer.write(gone.map(deletion), 'disk');
      this.#logs.delete(log);
      this.#compactedTo = undefined;
      this.#options.logger.info({ log }, 'what was left of a session is deleted');
      return true;
    }
    await committer.write(keys.map(deletion), 'disk');
    this.#steps += 1;
    if (this.#steps % stepsPerCompaction === 0) await this.#compact(log, keys[keys.length - 1]!);
    return true;
  }

  async #compact(log: number, to: Buffer): Promise<void> {
    await this.#options.compact(this.#compactedTo ?? blockKey(log, 0), to);
    this.#compactedTo = to;
  }
}

/** The logs whose blocks belong to no session. */
export async function readOrphans(level: LevelHandle): Promise<number[]> {
  const logs: number[] = [];
  const range = { gte: metaKey(prefix), lt: Buffer.from([KeyKind.META, ...Buffer.from('orphan0')]) };
  for await (const [key] of entries(level, range)) logs.push(Number(key.subarray(1 + prefix.length).toString()));
  return logs;
}

/** The write that makes the blocks of a log orphans. */
export function orphanWrite(log: number): Operation {
  return { type: 'put', key: orphanKey(log), value: Buffer.from('1') };
}

/** The write that makes them belong to a session. */
export function orphanDeletion(log: number): Operation {
  return deletion(orphanKey(log));
}

function orphanKey(log: number): Buffer {
  return metaKey(`${prefix}${log}`);
}

function deletion(key: Buffer): Operation {
  return { type: 'del', key };
}

function someKeys(level: LevelHandle, log: number): Promise<Buffer[]> {
  const options = { gte: blockKey(log, 0), lt: blocksEnd(log), limit: valuesMax, fillCache: false };
  return level.keys(options).all();
}
