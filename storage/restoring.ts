import { strict as assert } from 'node:assert';
import { blockFirstSeq, blockLastSeq, readBlockHeader, type SessionSummary, stampLog } from '../protocol/index.js';
import { type CatalogueRow, catalogueWrite } from './catalogue.js';
import { cursorWrite } from './coalescer.js';
import type { Committer } from './committer.js';
import { StorageError } from './errors.js';
import { blockKey } from './keys.js';
import type { Operation } from './level.js';
import { Log } from './log.js';
import { type Orphans, orphanDeletion, orphanWrite } from './orphans.js';
import { receiptsSeqWrite } from './receipt-book.js';
import { sealValue } from './sealed-value.js';
import type { Sessions } from './sessions.js';

/** Blocks are put together in values of this size, as the coalescer would. */
const valueBytes = 64 * 1024;
/** A batch of a restore leaves room for those who publish. */
const batchBytes = 256 * 1024;

/** What a {@link Restoring} writes to. */
export interface RestoringParts {
  committer: Pick<Committer, 'write'>;
  sessions: Sessions;
  orphans: Orphans;
  ringBytesMax: number;
}

/**
 * A session on its way from an archive into the store. Its blocks are orphans until the last batch, which has its line
 * in the catalogue: whatever ends it before, nothing is seen of it, and the next start deletes what there is.
 */
export class Restoring {
  readonly #parts: RestoringParts;
  readonly #row: CatalogueRow;
  readonly #log: number;
  #value: Buffer[] = [];
  #valueBytes = 0;
  #operations: Operation[] = [];
  #operationBytes = 0;
  #firstSeq = 1;
  #nextSeq = 0;
  #timeMs = 0;
  #finishing = false;

  private constructor(parts: RestoringParts, row: CatalogueRow, log: number) {
    this.#parts = parts;
    this.#row = row;
    this.#log = log;
  }

  /** @param row as it will be in the catalogue */
  static async begin(parts: RestoringParts, row: CatalogueRow): Promise<Restoring> {
    const restoring = new Restoring(parts, row, parts.sessions.nextNumber());
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
   * @throws StorageError `ERR_SESSION_EXISTS`; when it could not be written, or nobody can tell: the next start can
   */
  async finish(): Promise<SessionSummary> {
    this.#endValue();
    await this.#write();
    const { sessions, committer, ringBytesMax } = this.#parts;
    const [row, number, lastSeq] = [this.#row, this.#log, this.#row.lastSeq];
    const { source, session, epoch } = row;
    if (sessions.find(source, session)) {
      throw new StorageError('ERR_SESSION_EXISTS', `source ${source} has a session ${session} already`);
    }
    const operations = [
      catalogueWrite(number, row),
      orphanDeletion(number),
      cursorWrite(number, lastSeq),
      receiptsSeqWrite(number, lastSeq),
    ];
    await this.#writeLast(committer, operations);
    const facts = { number, source, session, epoch, state: 'ended', lastSeq, receiptsSeq: lastSeq } as const;
    const log = new Log({ ...facts, firstSeq: this.#firstSeq, timeMs: this.#timeMs }, ringBytesMax);
    sessions.restored({ log, row });
    return sessions.summary(log);
  }

  /** Blocks of what may be a session after all are not deleted. */
  async #writeLast(committer: RestoringParts['committer'], operations: Operation[]): Promise<void> {
    this.#finishing = true;
    try {
      await committer.write(operations, 'disk');
    } catch (error) {
      this.#finishing = (error as StorageError).code !== 'ERR_NOT_WRITTEN';
      throw error;
    }
  }

  /** It will not be finished: what was written is deleted. */
  abandon(): void {
    if (!this.#finishing) this.#parts.orphans.add(this.#log);
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
