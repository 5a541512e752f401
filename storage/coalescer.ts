import type { Logger } from 'pino';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import type { StorageError } from './errors.js';
import { blockKey, metaKey, readBlockKey } from './keys.js';
import { isCorruption, iterate, type LevelHandle, type Operation } from './level.js';
import type { Log } from './log.js';
import { planCoalescing } from './plan-coalescing.js';
import type { ReadSlots } from './read-slots.js';
import { StepLoop } from './step-loop.js';

/** What a {@link Coalescer} works on. */
export interface CoalescerOptions {
  database: Database;
  committer: Pick<Committer, 'write'>;
  /** It waits its turn with those who read pages. */
  slots: ReadSlots;
  /** Why nothing can, or should, be written now. */
  unavailable: () => StorageError | undefined;
  /** All logs, at the moment of asking. */
  logs: () => Iterable<Log>;
  /** Put the receipts there are in rows: those that are with a block do not outlast it. */
  saveReceipts: () => Promise<void>;
  /** Pause between two steps that found something to do. */
  stepMs: number;
  /** Pause after a round that found nothing. */
  idleMs: number;
  logger: Logger;
}

/** Values looked at in one step, at most. */
const entriesMax = 1_000;

interface Progress {
  /** Everything up to here is as it should be. */
  doneSeq: number;
  /** Small blocks are known of up to here. */
  untilSeq: number;
  /** What the database says of `doneSeq`. */
  storedSeq: number;
  /** Up to here was looked at, and what is left was too little to be put together yet. */
  waitingSeq: number;
}

/**
 * A quiet stream makes values of one message; read back, that is slow. In the background the cold part of each log is
 * put together into fewer values. A step is one batch that also holds how far it got, so a crash at any moment leaves
 * either the old values or the new ones.
 */
export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #progress = new Map<number, Progress>();
  /** Logs of which something cannot be read: what they hold stays as it is. */
  readonly #damaged = new Set<number>();
  readonly #loop: StepLoop;
  #operations = 0;

  constructor(options: CoalescerOptions) {
    const { stepMs, idleMs, logger } = options;
    const failure = 'small blocks could not be put together';
    this.#options = options;
    this.#loop = new StepLoop({ step: () => this.once(), stepMs, idleMs, logger, failure });
  }

  /** Values that were written or deleted. */
  get operations(): number {
    return this.#operations;
  }

  /** Work from now on, a step at a time. */
  start(): void {
    this.#loop.start(this.#options.idleMs);
  }

  /** Resolves when the step under way is done; there will be no other. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** To be written at a clean end: where to go on, so that large blocks are not looked through again. */
  cursors(): Operation[] {
    const operations: Operation[] = [];
    for (const log of this.#options.logs()) {
      const progress = this.#progress.get(log.number);
      if (!progress) continue;
      const { doneSeq, untilSeq, storedSeq } = progress;
      const smallFrom = log.takeSmallFrom() ?? log.lastSeq + 1;
      const reached = doneSeq >= untilSeq ? Math.max(doneSeq, smallFrom - 1) : doneSeq;
      if (reached > storedSeq) operations.push(cursorWrite(log.number, reached));
    }
    return operations;
  }

  /**
   * One step in each log.
   * @returns whether it got any further in one of them
   * @throws StorageError when a write failed; the values are as they were, or coalesced
   */
  async once(): Promise<boolean> {
    let worked = false;
    if (this.#options.unavailable()) return false;
    const logs = [...this.#options.logs()];
    this.#forgetAllBut(new Set(logs.map(({ number }) => number)));
    for (const log of logs) {
      if (this.#loop.stopped) break;
      if (await this.#stepUnlessDamaged(log)) worked = true;
    }
    return worked;
  }

  /** What is known of logs that are gone. */
  #forgetAllBut(numbers: ReadonlySet<number>): void {
    for (const known of [...this.#progress.keys(), ...this.#damaged]) {
      if (numbers.has(known)) continue;
      this.#progress.delete(known);
      this.#damaged.delete(known);
    }
  }

  /** A log that cannot be read keeps none of the others waiting, and is reported once. */
  async #stepUnlessDamaged(log: Log): Promise<boolean> {
    if (this.#damaged.has(log.number)) return false;
    try {
      return await this.#step(log);
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#damaged.add(log.number);
      this.#options.logger.warn({ err: error, log: log.number }, 'a log is damaged: its small blocks stay as they are');
      return false;
    }
  }

  async #step(log: Log): Promise<boolean> {
    const coldSeq = log.state === 'ended' ? log.lastSeq : Math.min(log.lastSeq, log.ring.firstSeq - 1);
    const progress = await this.#progressOf(log);
    const from = log.takeSmallFrom();
    if (from !== undefined) {
      if (progress.doneSeq >= progress.untilSeq) progress.doneSeq = Math.max(progress.doneSeq, from - 1);
      progress.untilSeq = log.lastSeq;
    }
    const endSeq = Math.min(coldSeq, progress.untilSeq);
    if (progress.doneSeq >= endSeq || progress.waitingSeq === endSeq) return false;
    if (log.receiptsSeq < endSeq) await this.#options.saveReceipts();
    const { database, slots } = this.#options;
    const found = await slots.run(() =>
      database.read((level) => readSome(level, log.number, progress.doneSeq, endSeq)),
    );
    const more = !found.whole || (log.state === 'active' && endSeq === coldSeq);
    const plan = planCoalescing(found.entries, progress.doneSeq, more);
    // What is deleted must not come back.
    if (log.isRemoved) return false;
    const trimmedSeq = Math.min(log.firstSeq, log.lastSeq) - 1;
    if (log.isTrimmed && trimmedSeq > progress.doneSeq) {
      progress.doneSeq = trimmedSeq;
      return true;
    }
    const moved = plan.doneSeq > progress.doneSeq;
    if (moved) await this.#write(log, plan.operations, plan.doneSeq);
    progress.storedSeq = plan.doneSeq;
    progress.doneSeq = found.entries.length === 0 ? endSeq : plan.doneSeq;
    if (!moved) progress.waitingSeq = endSeq;
    return moved;
  }

  async #write(log: Log, operations: Operation[], doneSeq: number): Promise<void> {
    try {
      await this.#options.committer.write([cursorWrite(log.number, doneSeq), ...operations], 'os');
      this.#operations += operations.length;
    } catch (error) {
      this.#progress.delete(log.number);
      throw error;
    }
  }

  /** How far it got, as the database says when it is asked for the first time. */
  async #progressOf(log: Log): Promise<Progress> {
    const known = this.#progress.get(log.number);
    if (known) return known;
    const cursor = await this.#options.database.read((level) => level.get(cursorKey(log.number)));
    const doneSeq = cursor ? Number(cursor.readBigUInt64BE()) : 0;
    const progress = { doneSeq, storedSeq: doneSeq, untilSeq: log.lastSeq, waitingSeq: 0 };
    this.#progress.set(log.number, progress);
    return progress;
  }
}

/** The write that puts on record how far a log is coalesced. */
export function cursorWrite(log: number, doneSeq: number): Operation {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt(doneSeq));
  return { type: 'put', key: cursorKey(log), value };
}

/** Key of how far a log is coalesced. */
export function cursorKey(log: number): Buffer {
  return metaKey(`coalesced/${log}`);
}

/** @returns the entries behind `doneSeq` up to `endSeq`, as many as one read brings, and whether these are all */
async function readSome(
  level: LevelHandle,
  log: number,
  doneSeq: number,
  endSeq: number,
): Promise<{ entries: [Buffer, Buffer][]; whole: boolean }> {
  const iterator = iterate(level, { gte: blockKey(log, doneSeq + 1), lt: blockKey(log, endSeq + 1) });
  try {
    const entries = await iterator.nextv(entriesMax);
    const last = entries[entries.length - 1];
    return { entries, whole: !last || readBlockKey(last[0])?.lastSeq === endSeq };
  } finally {
    await iterator.close();
  }
}
