import type { Logger } from 'pino';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import type { StorageError } from './errors.js';
import { KeyKind, kindRange } from './keys.js';
import { iterate, type LevelHandle, type Operation } from './level.js';
import type { ReadSlots } from './read-slots.js';
import { readReceiptRow } from './receipt-row.js';
import { StepLoop } from './step-loop.js';

/** What a {@link ReceiptSweeper} works on. */
export interface ReceiptSweeperOptions {
  database: Database;
  committer: Pick<Committer, 'write'>;
  /** It waits its turn with those who read pages. */
  slots: ReadSlots;
  /** Why nothing can, or should, be written now. */
  unavailable: () => StorageError | undefined;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Receipts older than this are forgotten. */
  expiryMs: number;
  /** Pause between two steps of a round. */
  stepMs: number;
  /** Pause between two rounds over all receipts. */
  idleMs: number;
  logger: Logger;
}

/** Rows looked at in one step, at most: what is deleted at once is about 50 KB. */
const rowsMax = 1_000;

/**
 * Forgets publishers that have not published for long. A round goes over the receipts of all of them, some at a time,
 * in the order of their keys.
 *
 * A row that was read as expired is never written anew before it is deleted: a publisher's numbers only go up, as long
 * as its last row is there to be found.
 */
export class ReceiptSweeper {
  readonly #options: ReceiptSweeperOptions;
  readonly #loop: StepLoop;
  /** First key of the next step. */
  #from = kindRange(KeyKind.RECEIPT).gte;

  constructor(options: ReceiptSweeperOptions) {
    const { stepMs, idleMs, logger } = options;
    const failure = 'expired receipts could not be deleted';
    this.#options = options;
    this.#loop = new StepLoop({ step: () => this.once(), stepMs, idleMs, logger, failure });
  }

  /** Work from now on, a step at a time: what expired while there was no server goes first. */
  start(): void {
    this.#loop.start(this.#options.stepMs);
  }

  /** Resolves when the step under way is done; there will be no other. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /**
   * One step.
   * @returns whether the round goes on; the step after its end starts another one
   * @throws StorageError when a read or a write failed: the next step starts a round
   */
  async once(): Promise<boolean> {
    const { database, committer, slots, clock, expiryMs } = this.#options;
    const start = kindRange(KeyKind.RECEIPT).gte;
    const from = this.#from;
    this.#from = start;
    if (this.#options.unavailable()) return false;
    const expiredMs = clock() - expiryMs;
    const { expired, next } = await slots.run(() => database.read((level) => readSome(level, from, expiredMs)));
    if (expired.length > 0) await committer.write(expired, 'os');
    // A damaged key may point backwards: a round ends there rather than never.
    if (!next || next.compare(from) <= 0) return false;
    this.#from = next;
    return true;
  }
}

/** @returns deletes of those rows from `from` on that are expired, and where to go on; `undefined` at the end */
async function readSome(
  level: LevelHandle,
  from: Buffer,
  expiredMs: number,
): Promise<{ expired: Operation[]; next: Buffer | undefined }> {
  const iterator = iterate(level, { gte: from, lt: kindRange(KeyKind.RECEIPT).lt });
  try {
    const some = await iterator.nextv(rowsMax);
    const expired = some
      .filter(([, value]) => readReceiptRow(value).timeMs < expiredMs)
      .map(([key]): Operation => ({ type: 'del', key }));
    const last = some[some.length - 1]?.[0];
    return { expired, next: last && Buffer.concat([last, Buffer.alloc(1)]) };
  } finally {
    await iterator.close();
  }
}
