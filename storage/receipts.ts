import { strict as assert } from 'node:assert';
import { type Durability, limits, type ReceiptRun } from '../protocol/index.js';
import { receiptKey, receiptPrefix } from './keys.js';
import type { LevelHandle, Operation } from './level.js';
import { loadReceipts } from './load-receipts.js';
import type { Log } from './log.js';
import { packReceiptRow, type ReceiptRow } from './receipt-row.js';
import { appendRun } from './receipt-runs.js';

/** Where the messages of one publish are. */
export interface Receipt {
  session: string;
  epoch: string;
  log: number;
  durability: Durability;
  /** One publish: `[number, 1, firstSeq, messages]`. */
  run: ReceiptRun;
}

/** Receipts of a block that is being written. Call `written` or `discarded`, once. */
export interface ReceiptWrite {
  /** Whose they are. */
  publisher: string;
  written(): void;
  discarded(): void;
}

/** Rows on their way to the database; they count as saved unless `failed` is called. */
export interface RowsWrite {
  operations: Operation[];
  failed(): void;
}

interface HeldRow {
  lastNumber: number;
  row: ReceiptRow;
  /** The key it has in the database; `undefined` while it is not there. */
  key: Buffer | undefined;
}

/**
 * The publishes of one publisher that are on record: the last `limits.publishesInFlightMax` of them, so that a repeat
 * gets the acknowledgement the original got. One record per publisher may be in use at a time.
 *
 * A receipt is stored with the block it is about; {@link saveRows} puts what has come together since in a row of its own.
 */
export class PublisherRecord {
  readonly #publisher: string;
  readonly #prefix: Buffer;
  readonly #clock: () => number;
  readonly #changed: (record: PublisherRecord) => void;
  /** In the order of their numbers. */
  #rows: HeldRow[];
  /** Keys of rows that have left the window. */
  #left: Buffer[] = [];
  #outstanding = false;

  private constructor(
    publisher: string,
    prefix: Buffer,
    rows: HeldRow[],
    clock: () => number,
    changed: (record: PublisherRecord) => void,
  ) {
    this.#publisher = publisher;
    this.#prefix = prefix;
    this.#rows = rows;
    this.#clock = clock;
    this.#changed = changed;
  }

  /**
   * What the database has in rows.
   * @param changed told of every change that is in none
   */
  static async load(
    level: LevelHandle,
    source: string,
    publisher: string,
    clock: () => number,
    changed: (record: PublisherRecord) => void = () => {},
  ): Promise<PublisherRecord> {
    const prefix = receiptPrefix(source, publisher);
    return new PublisherRecord(publisher, prefix, await loadReceipts(level, prefix), clock, changed);
  }

  /** Whether something is on record that is in no row of the database. */
  get unsaved(): boolean {
    return this.#rows[this.#rows.length - 1]?.key === undefined && this.#rows.length > 0;
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
   * Put publishes on record, once their block is written.
   * @param log where their messages are
   * @param runs in the order of their numbers, behind those on record
   */
  record(log: Pick<Log, 'number' | 'session' | 'epoch'>, runs: ReceiptRun[], durability: Durability): ReceiptWrite {
    assert(!this.#outstanding, 'one block of a publisher is written at a time');
    assert(runs[0]![0] > this.lastNumber, `publish ${runs[0]![0]} is not behind ${this.lastNumber}`);
    const { number, session, epoch } = log;
    this.#outstanding = true;
    return {
      publisher: this.#publisher,
      written: () => {
        this.#outstanding = false;
        this.takeIn({ log: number, session, epoch, durability, timeMs: this.#clock(), runs });
      },
      discarded: () => {
        this.#outstanding = false;
      },
    };
  }

  /** Receipts of a block that is in the database; those that are on record already change nothing. */
  takeIn(row: ReceiptRow): void {
    const [firstNumber, publishes] = row.runs[row.runs.length - 1]!;
    const lastNumber = firstNumber + publishes - 1;
    if (lastNumber <= this.lastNumber) return;
    const last = this.#rows[this.#rows.length - 1];
    const open = last && belongsTo(last, row) ? this.#rows.pop() : undefined;
    const runs = open?.row.runs ?? [];
    for (const run of row.runs) appendRun(runs, ...run);
    this.#rows.push({ lastNumber, row: { ...row, runs }, key: undefined });
    this.#leaveWindow();
    this.#changed(this);
  }

  /** What brings the rows in the database up to what is on record. */
  saveRows(): RowsWrite {
    const rows = this.#rows.filter(({ key }) => key === undefined);
    const left = this.#left.splice(0);
    for (const row of rows) row.key = receiptKey(this.#prefix, row.lastNumber);
    return {
      operations: [
        ...rows.map(({ key, row }): Operation => ({ type: 'put', key: key!, value: packReceiptRow(row) })),
        ...left.map((key): Operation => ({ type: 'del', key })),
      ],
      failed: () => {
        for (const row of rows) row.key = undefined;
        this.#left.push(...left);
      },
    };
  }

  #leaveWindow(): void {
    const firstNumber = this.lastNumber - limits.publishesInFlightMax + 1;
    const kept = this.#rows.findIndex(({ lastNumber }) => lastNumber >= firstNumber);
    for (const { key } of this.#rows.splice(0, kept)) if (key) this.#left.push(key);
  }
}

/** Whether receipts can go into a row that is not in the database yet. A row holds no more than a window of publishes. */
function belongsTo({ key, lastNumber, row }: HeldRow, next: ReceiptRow): boolean {
  return (
    key === undefined &&
    lastNumber - row.runs[0]![0] + 1 < limits.publishesInFlightMax &&
    lastNumber + 1 === next.runs[0]![0] &&
    row.log === next.log &&
    row.epoch === next.epoch &&
    row.durability === next.durability
  );
}
