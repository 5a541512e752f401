import { Coalescer } from './coalescer.js';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import type { StorageError } from './errors.js';
import type { Log } from './log.js';
import type { ReadSlots } from './read-slots.js';
import type { ReceiptBook } from './receipt-book.js';
import { ReceiptSweeper } from './receipt-sweeper.js';
import { StepLoop } from './step-loop.js';
import type { StoreOptions } from './store-options.js';

/** What the work in the background is done on. */
export interface BackgroundParts {
  database: Database;
  committer: Committer;
  receipts: ReceiptBook;
  slots: ReadSlots;
  /** Why nothing can, or should, be written now. */
  unavailable: () => StorageError | undefined;
  /** All logs, at the moment of asking. */
  logs: () => Iterable<Log>;
}

/** Pause between two steps of work in the background while there is something to do. */
const stepMs = 20;

/** What a store does by itself: small blocks are put together, receipts put in rows, and expired ones deleted. */
export class Background {
  readonly coalescer: Coalescer;
  readonly sweeper: ReceiptSweeper;
  readonly #saver: StepLoop;
  readonly #parts: BackgroundParts;

  constructor(options: Required<StoreOptions>, parts: BackgroundParts) {
    const { clock, publisherExpiryMs, coalesceMs, sweepMs, saveMs, logger } = options;
    this.#parts = parts;
    const common = { ...parts, stepMs, logger };
    this.coalescer = new Coalescer({ ...common, saveReceipts: () => this.saveReceipts(), idleMs: coalesceMs });
    this.sweeper = new ReceiptSweeper({ ...common, clock, expiryMs: publisherExpiryMs, idleMs: sweepMs });
    const failure = 'receipts could not be put in rows of their own';
    this.#saver = new StepLoop({ step: () => this.#saveWhenDue(), stepMs: saveMs, idleMs: saveMs, logger, failure });
    if (coalesceMs > 0) this.coalescer.start();
    if (sweepMs > 0) this.sweeper.start();
    if (saveMs > 0) this.#saver.start(saveMs);
  }

  /** As {@link Store.saveReceipts}. */
  saveReceipts(): Promise<void> {
    const { receipts, committer, logs } = this.#parts;
    return receipts.save(committer, logs());
  }

  /** Resolves when the steps under way are done; there will be no other. */
  async stop(): Promise<void> {
    await Promise.all([this.coalescer.stop(), this.sweeper.stop(), this.#saver.stop()]);
  }

  async #saveWhenDue(): Promise<boolean> {
    const { receipts, committer, unavailable } = this.#parts;
    if (unavailable() === undefined && receipts.isDue(committer.counters)) await this.saveReceipts();
    return false;
  }
}
