import { strict as assert } from 'node:assert';
import { blockFirstSeq, blockLastSeq, readBlockHeader, type SessionSummary, stampLog } from '../protocol/index.js';
import type { CatalogueRow } from './catalogue.js';
import { cursorWrite } from './coalescer.js';
import type { Committer } from './committer.js';
import { blockKey } from './keys.js';
import type { Operation } from './level.js';
import { Log } from './log.js';
import { type Orphans, orphanDeletion, orphanWrite } from './orphans.js';
import { receiptsSeqWrite } from './receipt-book.js';
import type { Reservation } from './reservations.js';
import { sealValue } from './sealed-value.js';
import type { SessionLines } from './session-lines.js';
import type { Sessions } from './sessions.js';

/** Blocks are put together in values of this size, as the coalescer would. */
const valueBytes = 64 * 1024;
/** A batch of a restore leaves room for those who publish. */
const batchBytes = 256 * 1024;

/** What a {@link Restoring} writes to. */
export interface RestoringParts {
  committer: Pick<Committer, 'write'>;
  sessions: Sessions;
  lines: SessionLines;
  orphans: Orphans;
  ringBytesMax: number;
}

/**
 * A session on its way from an archive into the store. Its blocks are orphans until the last batch, which has its line
 * in the catalogue: whatever ends it before, nothing is seen of it, and the next start deletes what there is.
 */
export class Restoring {
  readonly #parts: RestoringParts;
  readonly #reservation: Reservation;
  readonly #log: number;
  #value: Buffer[] = [];
  #valueBytes = 0;
  #operations: Operation[] = [];
  #operationBytes = 0;
  #firstSeq = 1;
  #nextSeq = 0;
  #timeMs = 0;

  private constructor(parts: RestoringParts, reservation: Reservation) {
    this.#parts = parts;
    this.#reservation = reservation;
    this.#log = reservation.number;
    reservation.onMissing = () => parts.orphans.add(reservation.number);
  }

  /**
   * @param row as it will be in the catalogue
   * @throws StorageError `ERR_SESSION_EXISTS`; when it could not be written
   */
  static async begin(parts: RestoringParts, row: CatalogueRow): Promise<Restoring> {
    const restoring = new Restoring(parts, parts.sessions.reserve(row));
    try {
      await parts.committer.write([orphanWrite(restoring.#log)], 'disk');
    } catch (error) {
      restoring.abandon();
      throw error;
    }
    return restoring;
  }

  /**
   * Append a verified block; resolves when there is room for the next one.
   * @param block its log is written over
   * @throws StorageError when it could not be written: abandon it
   */
  async append(block: Buffer): Promise<void> {
    const firstSeq = blockFirstSeq(block);
    assert(firstSeq >= this.#nextSeq, `block from ${firstSeq} behind ${this.#nextSeq - 1}`);
    stampLog(block, this.#log);
    if (this.#nextSeq === 0) this.#firstSeq = firstSeq;
    if (this.#valueBytes + block.length > valueBytes || firstSeq !== this.#nextSeq) this.#endValue();
    this.#value.push(block);
    this.#valueBytes += block.length;
    this.#nextSeq = blockLastSeq(block) + 1;
    this.#timeMs = readBlockHeader(block).timeMs;
    if (this.#operationBytes >= batchBytes) await this.#write();
  }

  /**
   * All of it is there: it becomes a session.
   * @throws StorageError when it could not be written; or when nobody can tell: the database will
   */
  async finish(): Promise<SessionSummary> {
    this.#endValue();
    await this.#write();
    const { lines, ringBytesMax } = this.#parts;
    const { row, number } = this.#reservation;
    const { source, session, epoch, lastSeq } = row;
    const operations = [orphanDeletion(number), cursorWrite(number, lastSeq), receiptsSeqWrite(number, lastSeq)];
    const facts = { number, source, session, epoch, state: 'ended', lastSeq, receiptsSeq: lastSeq } as const;
    const log = new Log({ ...facts, firstSeq: this.#firstSeq, timeMs: this.#timeMs }, ringBytesMax);
    return lines.restore(this.#reservation, log, operations);
  }

  /**
   * It will not be finished: what was written is deleted. Unless nobody can tell whether it was finished, and the
   * database has yet to say so.
   */
  abandon(): void {
    if (this.#reservation.isDoubtful) return;
    this.#parts.sessions.release(this.#reservation);
    this.#parts.orphans.add(this.#log);
  }

  #endValue(): void {
    const [last] = this.#value.slice(-1);
    if (!last) return;
    const value = this.#value.length > 1 ? sealValue(this.#value) : last;
    this.#operations.push({ type: 'put', key: blockKey(this.#log, blockLastSeq(last)), value });
    this.#operationBytes += value.length;
    this.#value = [];
    this.#valueBytes = 0;
  }

  async #write(): Promise<void> {
    if (this.#operations.length === 0) return;
    const operations = this.#operations;
    this.#operations = [];
    this.#operationBytes = 0;
    await this.#parts.committer.write(operations, 'disk');
  }
}
