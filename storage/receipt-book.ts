import type { Logger } from 'pino';
import { readBlockReceipts, splitValue } from './block-value.js';
import type { Committer } from './committer.js';
import { blockKey, blocksEnd, metaKey } from './keys.js';
import { entries, isCorruption, type LevelHandle, type Operation } from './level.js';
import type { Log } from './log.js';
import type { ReceiptRow } from './receipt-row.js';
import { PublisherRecord, type RowsWrite } from './receipts.js';

/** When so much was written, or so many publishers have published, since the last time, rows are written. */
const due = { bytes: 128 * 1024 * 1024, commits: 100_000, publishers: 10_000 };

/** Publishers whose rows are written at once. */
const publishersAtOnce = 256;

type Written = Pick<Committer['counters'], 'bytesWritten' | 'commits' | 'syncedBlocks'>;

/**
 * What is on record of publishers and not in rows of its own yet. A receipt gets to disk with its block: a row per
 * publisher and block would be more to write, and would lie across all tables of the log. So rows are written from time
 * to time, each for many blocks, together with how far the log has come then. What a crash leaves without a row is read
 * from the blocks behind that point.
 */
export class ReceiptBook {
  readonly #clock: () => number;
  readonly #logger: Logger;
  /** By source and publisher. */
  readonly #unsaved = new Map<string, PublisherRecord>();
  #saving: Promise<void> | undefined;
  /** Behind {@link #saving}, for those who came meanwhile. */
  #savingNext: Promise<void> | undefined;
  /** What had been written when rows were written last; unset while there are receipts of an earlier run. */
  #saved: Written | undefined = { bytesWritten: 0, commits: 0, syncedBlocks: 0 };

  /** @param clock milliseconds since 1970 */
  constructor(clock: () => number, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** All that is on record of a publisher. */
  async record(level: LevelHandle, source: string, publisher: string): Promise<PublisherRecord> {
    const name = nameOf(source, publisher);
    const changed = (record: PublisherRecord): unknown => this.#unsaved.set(name, record);
    return this.#unsaved.get(name) ?? (await PublisherRecord.load(level, source, publisher, this.#clock, changed));
  }

  /**
   * Look for receipts with the blocks of these logs.
   * @param behind the message of a log behind which they may be new
   * @returns the step that puts on record those that are not
   */
  async find(level: LevelHandle, logs: Iterable<Log>, behind: (log: Log) => number): Promise<() => void> {
    const found: { name: string; record: PublisherRecord; row: ReceiptRow }[] = [];
    const records = new Map<string, PublisherRecord>();
    for (const log of logs) {
      for (const [publisher, row] of await this.#read(level, log, behind(log))) {
        const name = nameOf(log.source, publisher);
        const record = records.get(name) ?? (await this.record(level, log.source, publisher));
        records.set(name, record);
        found.push({ name, record, row });
      }
    }
    return () => {
      if (found.length > 0) this.#saved = undefined;
      // What was in doubt may have been put on record since, in the record that is in use.
      for (const { name, record, row } of found) (this.#unsaved.get(name) ?? record).takeIn(row);
    };
  }

  /** Whether it is time to {@link save}. */
  isDue(written: Written): boolean {
    if (!this.#saved) return true;
    return (
      written.bytesWritten - this.#saved.bytesWritten >= due.bytes ||
      written.commits - this.#saved.commits >= due.commits ||
      this.#unsaved.size >= due.publishers
    );
  }

  /**
   * Write rows for all receipts there are at this moment. When rows are being written already, those of receipts that
   * have come since are not among them: they are written behind them.
   *
   * Rows are synced when blocks have been since the last time. LevelDB does not sync a journal that is full along with the
   * next one: a power failure could take the rows, and not what was written behind them: that the receipts are in rows now.
   * @param logs looked through when it begins
   * @throws StorageError when it failed: they remain to be saved
   */
  save(committer: Pick<Committer, 'write' | 'counters'>, logs: () => Iterable<Log>): Promise<void> {
    if (this.#savingNext) return this.#savingNext;
    if (!this.#saving) return this.#begin(committer, logs);
    this.#savingNext = settled(this.#saving).then(() => {
      this.#savingNext = undefined;
      return this.#begin(committer, logs);
    });
    return this.#savingNext;
  }

  /** What {@link save} would write, for the last batch of a clean end; nothing else is written any more. */
  async remaining(logs: Iterable<Log>): Promise<Operation[]> {
    for (let saving = this.#saving; saving; saving = this.#savingNext ?? this.#saving) await settled(saving);
    return [...rowsOf([...this.#unsaved.values()]).operations, ...positions(logs).map(positionWrite)];
  }

  #begin(committer: Pick<Committer, 'write' | 'counters'>, logs: () => Iterable<Log>): Promise<void> {
    this.#saving = this.#save(committer, logs()).finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #save(committer: Pick<Committer, 'write' | 'counters'>, logs: Iterable<Log>): Promise<void> {
    const reached = positions(logs);
    const { bytesWritten, commits, syncedBlocks } = committer.counters;
    const durability = this.#saved?.syncedBlocks === syncedBlocks ? 'os' : 'disk';
    const unsaved = [...this.#unsaved];
    while (unsaved.length > 0) {
      const some = unsaved.splice(0, publishersAtOnce);
      const rows = rowsOf(some.map(([, record]) => record));
      try {
        await committer.write(rows.operations, durability);
      } catch (error) {
        rows.failed();
        throw error;
      }
      for (const [name, record] of some) if (!record.unsaved) this.#unsaved.delete(name);
    }
    if (reached.length > 0) await committer.write(reached.map(positionWrite), 'os');
    for (const { log, seq } of reached) log.receiptsSaved(seq);
    this.#saved = { bytesWritten, commits, syncedBlocks };
  }

  /** Receipts that are damaged, or in a table that is, are gone: their publishers may repeat what is in the log. */
  async #read(level: LevelHandle, log: Log, seq: number): Promise<[string, ReceiptRow][]> {
    const rows: [string, ReceiptRow][] = [];
    if (seq >= log.lastSeq && log.state === 'ended') return rows;
    try {
      for await (const [, value] of entries(level, { gte: blockKey(log.number, seq + 1), lt: blocksEnd(log.number) })) {
        const packed = splitValue(value).receipts;
        const receipts = packed && readBlockReceipts(packed);
        if (packed && !receipts) this.#logger.warn({ log: log.number }, 'the receipts of a block are damaged');
        if (!receipts) continue;
        const { publishers, ...common } = receipts;
        for (const [publisher, runs] of publishers) rows.push([publisher, { log: log.number, ...common, runs }]);
      }
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#logger.warn({ err: error, log: log.number }, 'the receipts of a log cannot all be read');
    }
    return rows;
  }
}

async function settled(work: Promise<void>): Promise<void> {
  await work.catch(() => {});
}

function nameOf(source: string, publisher: string): string {
  return JSON.stringify([source, publisher]);
}

/** Up to where the receipts of a log are in rows; 0 when nothing says so. */
export async function readReceiptsSeq(level: LevelHandle, log: number): Promise<number> {
  const position = await level.get(receiptsSeqKey(log));
  return position?.length === 8 ? Number(position.readBigUInt64BE()) : 0;
}

/** How far the logs have come whose receipts are not all in rows. */
function positions(logs: Iterable<Log>): { log: Log; seq: number }[] {
  return [...logs].map((log) => ({ log, seq: log.lastSeq })).filter(({ log, seq }) => seq > log.receiptsSeq);
}

function positionWrite({ log, seq }: { log: Log; seq: number }): Operation {
  return receiptsSeqWrite(log.number, seq);
}

/** The write that puts on record up to where the receipts of a log are in rows. */
export function receiptsSeqWrite(log: number, seq: number): Operation {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt(seq));
  return { type: 'put', key: receiptsSeqKey(log), value };
}

/** Key of up to where the receipts of a log are in rows. */
export function receiptsSeqKey(log: number): Buffer {
  return metaKey(`receipts/${log}`);
}

function rowsOf(records: readonly PublisherRecord[]): RowsWrite {
  const writes = records.map((record) => record.saveRows());
  return {
    operations: writes.flatMap(({ operations }) => operations),
    failed: () => {
      for (const { failed } of writes) failed();
    },
  };
}
