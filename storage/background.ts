import { Coalescer } from './coalescer.js';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import type { StorageError } from './errors.js';
import type { Log } from './log.js';
import { Orphans } from './orphans.js';
import type { ReadSlots } from './read-slots.js';
import type { ReceiptBook } from './receipt-book.js';
import { ReceiptSweeper } from './receipt-sweeper.js';
import { StepLoop } from './step-loop.js';
import type { StoreOptions } from './store-options.js';
import { Trimmer } from './trimmer.js';

/** What the work in the background is done on. */
export interface BackgroundParts {
  database: Database;
  committer: Committer;
  receipts: ReceiptBook;
  slots: ReadSlots;
  /** Give the room of what was deleted in a range back to the disk. */
  compact: (from: Buffer, to: Buffer) => Promise<void>;
  /** Why nothing can, or should, be written now. */
  unavailable: () => StorageError | undefined;
  /** All logs, at the moment of asking. */
  logs: () => Iterable<Log>;
  /** Logs whose blocks belong to no session. */
  orphans: readonly number[];
}

/** Pause between two steps of work in the background while there is something to do. */
const stepMs = 20;

/** Pause between two looks for messages nobody has a claim to. */
const trimMs = 5_000;

/** Pause between two looks for sessions that are gone and whose blocks are not. */
const orphansMs = 1_000;

/** What a store does by itself: small blocks are put together, receipts put in rows, what is expired or belongs to nobody is deleted. */
export class Background {
  readonly coalescer: Coalescer;
  readonly sweeper: ReceiptSweeper;
  readonly orphans: Orphans;
  readonly trimmer: Trimmer;
  readonly #saver: StepLoop;
  readonly #parts: BackgroundParts;

  constructor(options: Required<StoreOptions>, parts: BackgroundParts) {
    const { clock, publisherExpiryMs, coalesceMs, sweepMs, saveMs, logger } = options;
    this.#parts = parts;
    const common = { ...parts, stepMs, logger };
    this.coalescer = new Coalescer({ ...common, saveReceipts: () => this.saveReceipts(), idleMs: coalesceMs });
    this.sweeper = new ReceiptSweeper({ ...common, clock, expiryMs: publisherExpiryMs, idleMs: sweepMs });
    this.orphans = new Orphans(parts.orphans, { ...common, idleMs: orphansMs });
    this.trimmer = new Trimmer({ ...common, saveReceipts: () => this.saveReceipts(), idleMs: trimMs });
    const failure = 'receipts could not be put in rows of their own';
    this.#saver = new StepLoop({ step: () => this.#saveWhenDue(), stepMs: saveMs, idleMs: saveMs, logger, failure });
    if (coalesceMs > 0) this.coalescer.start();
    if (sweepMs > 0) this.sweeper.start();
    if (sweepMs > 0) this.orphans.start();
    if (sweepMs > 0) this.trimmer.start();
    if (saveMs > 0) this.#saver.start(saveMs);
  }

  /** As {@link Store.saveReceipts}. */
  saveReceipts(): Promise<void> {
    const { receipts, committer, logs } = this.#parts;
    return receipts.save(committer, logs);
  }

  /** Resolves when the steps under way are done; there will be no other. */
  async stop(): Promise<void> {
    await Promise.all(
      [this.coalescer, this.sweeper, this.orphans, this.trimmer, this.#saver].map((work) => work.stop()),
    );
  }

  async #saveWhenDue(): Promise<boolean> {
    const { receipts, committer, unavailable } = this.#parts;
    if (unavailable() === undefined && receipts.isDue(committer.counters)) await this.saveReceipts();
    return false;
  }
}
