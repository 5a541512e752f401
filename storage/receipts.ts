import { strict as assert } from 'node:assert';
import { type Durability, limits, type ReceiptRun } from '../protocol/index.js';
import { receiptKey, receiptPrefix } from './keys.js';
import type { LevelHandle, Operation } from './level.js';
import { loadReceipts, type StoredReceipts } from './load-receipts.js';
import type { Log } from './log.js';
import { packReceiptRow } from './receipt-row.js';

/** Where the messages of one publish are. */
export interface Receipt {
  session: string;
  epoch: string;
  log: number;
  durability: Durability;
  /** One publish: `[number, 1, firstSeq, messages]`. */
  run: ReceiptRun;
}

/** Receipts that go into the batch of the block they are about. Call `written` or `discarded`, once. */
export interface ReceiptWrite {
  operations: Operation[];
  written(): void;
  discarded(): void;
}

/**
 * The publishes of one publisher that are on record: the last `limits.publishesInFlightMax` of them, so that a repeat
 * gets the acknowledgement the original got. One record per publisher may be in use at a time.
 */
export class PublisherRecord {
  readonly #prefix: Buffer;
  readonly #clock: () => number;
  /** In the order of their numbers. */
  #rows: StoredReceipts[];
  #outstanding = false;

  private constructor(prefix: Buffer, clock: () => number, rows: StoredReceipts[]) {
    this.#prefix = prefix;
    this.#clock = clock;
    this.#rows = rows;
  }

  /** What the database has on record. */
  static async load(
    level: LevelHandle,
    source: string,
    publisher: string,
    clock: () => number,
  ): Promise<PublisherRecord> {
    const prefix = receiptPrefix(source, publisher);
    return new PublisherRecord(prefix, clock, await loadReceipts(level, prefix));
  }

  /** Last publish number on record; 0 when there is none. */
  get lastNumber(): number {
    return this.#rows[this.#rows.length - 1]?.lastNumber ?? 0;
  }

  /** Where the messages of publish `number` are; `undefined` when it is not on record, or no longer. */
  find(number: number): Receipt | undefined {
    if (number <= this.lastNumber - limits.publishesInFlightMax) return undefined;
    const row = this.#rows.find(({ lastNumber }) => lastNumber >= number)?.row;
    const run = row?.runs.find(([first, publishes]) => number >= first && number < first + publishes);
    if (!row || !run) return undefined;
    const [firstNumber, , firstSeq, messagesEach] = run;
    const { session, epoch, log, durability } = row;
    return {
      session,
      epoch,
      log,
      durability,
      run: [number, 1, firstSeq + (number - firstNumber) * messagesEach, messagesEach],
    };
  }

  /**
   * Put publishes on record. What leaves the window is deleted in the same batch.
   * @param log where their messages are
   * @param runs in the order of their numbers, behind those on record
   */
  record(log: Pick<Log, 'number' | 'session' | 'epoch'>, runs: ReceiptRun[], durability: Durability): ReceiptWrite {
    assert(!this.#outstanding, 'one block of a publisher is written at a time');
    const [firstNumber, publishes] = runs[runs.length - 1]!;
    const lastNumber = firstNumber + publishes - 1;
    assert(runs[0]![0] > this.lastNumber, `publish ${runs[0]![0]} is not behind ${this.lastNumber}`);
    const row = { log: log.number, session: log.session, epoch: log.epoch, durability, timeMs: this.#clock(), runs };
    const kept = this.#rows.findIndex((old) => old.lastNumber > lastNumber - limits.publishesInFlightMax);
    const dropped = kept === -1 ? this.#rows.length : kept;
    const key = receiptKey(this.#prefix, lastNumber);
    const operations: Operation[] = [{ type: 'put', key, value: packReceiptRow(row) }];
    for (let index = 0; index < dropped; index += 1) {
      operations.push({ type: 'del', key: this.#rows[index]!.key });
    }
    this.#outstanding = true;
    return {
      operations,
      written: () => {
        this.#outstanding = false;
        this.#rows.splice(0, dropped);
        this.#rows.push({ key, lastNumber, row });
      },
      discarded: () => {
        this.#outstanding = false;
      },
    };
  }
}
