import { blockFirstSeq, blockLastSeq, FrameType, readBlockHeader, sliceBlock, verifyBlock } from '../protocol/index.js';
import { splitValue } from './block-value.js';
import { readBlockKey } from './keys.js';
import type { Loss, Page } from './page.js';

/**
 * Makes a page out of entries of the database, believing none of them: every block is verified, and a number that none
 * of them holds is reported as lost. A page ends with its first loss.
 */
export class PageBuilder {
  readonly #log: number;
  readonly #lastSeq: number;
  readonly #blocks: Buffer[] = [];
  #bytes = 0;
  #next: number;
  #lost: Loss | undefined;
  /** Something that was to hold `#next` could not be read. */
  #damaged: boolean;

  /**
   * @param from first number wanted
   * @param lastSeq last number of the log: what is behind it is not served
   * @param damaged whether an entry in front of the first one could not be read
   */
  constructor(log: number, from: number, lastSeq: number, damaged = false) {
    this.#log = log;
    this.#next = from;
    this.#lastSeq = lastSeq;
    this.#damaged = damaged;
  }

  /** Bytes of the blocks so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the page has come to an end: at a loss, or at the end of the log. */
  get complete(): boolean {
    return this.#lost !== undefined || this.#next > this.#lastSeq;
  }

  /** Whether there is anything in it. */
  get empty(): boolean {
    return this.#blocks.length === 0 && this.#lost === undefined;
  }

  /** The next entry of the database. */
  add(key: Buffer, value: Buffer): void {
    const { blocks, end } = splitValue(value);
    for (const block of blocks) {
      if (this.complete) return;
      this.#addBlock(block);
    }
    if (end !== value.length) this.#damaged = true;
    this.#endOfValue(key);
  }

  /** There are no more entries. */
  end(): void {
    if (!this.complete) this.#lose(this.#lastSeq);
  }

  page(): Page {
    return { blocks: this.#blocks, next: this.#next, ...(this.#lost && { lost: this.#lost }) };
  }

  #addBlock(block: Buffer): void {
    if (!this.#isGood(block)) {
      this.#damaged = true;
      return;
    }
    const firstSeq = blockFirstSeq(block);
    const lastSeq = blockLastSeq(block);
    if (lastSeq < this.#next) return;
    if (firstSeq > this.#next) {
      this.#lose(firstSeq - 1);
      return;
    }
    const fitting = firstSeq < this.#next && this.#blocks.length > 0 ? sliceBlock(block, this.#next) : block;
    this.#blocks.push(fitting);
    this.#bytes += fitting.length;
    this.#next = lastSeq + 1;
    this.#damaged = false;
  }

  /** The crc covers neither the frame's type nor its log. */
  #isGood(block: Buffer): boolean {
    if (!verifyBlock(block)) return false;
    const { type, log, lastSeq } = readBlockHeader(block);
    return type === FrameType.MESSAGES && log === this.#log && lastSeq <= this.#lastSeq;
  }

  /** A value whose key promises more than its blocks hold. A key beyond the end of the log, or that is none, is damaged itself. */
  #endOfValue(key: Buffer): void {
    const { lastSeq } = readBlockKey(key) ?? { lastSeq: 0 };
    if (this.complete || lastSeq < this.#next || lastSeq > this.#lastSeq) return;
    this.#damaged = true;
    this.#lose(lastSeq);
  }

  #lose(to: number): void {
    this.#lost = { from: this.#next, to, reason: this.#damaged ? 'corrupt' : 'missing' };
    this.#next = to + 1;
  }
}
