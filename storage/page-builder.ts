import { blockLastSeq } from '../protocol/index.js';
import { splitValue } from './block-value.js';
import { readBlockKey } from './keys.js';
import type { Loss, Page } from './page.js';
import { isBlockOf, readSealedValue } from './sealed-value.js';
import { cutStretch, type Stretch, stretchOf } from './stretch.js';

/**
 * Makes a page out of entries of the database, believing none of them: every block is verified, and a number that none
 * of them holds is reported as lost. A page ends with its first loss.
 */
export class PageBuilder {
  readonly #log: number;
  readonly #lastSeq: number;
  readonly #stretches: Stretch[] = [];
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
    return this.#stretches.length === 0 && this.#lost === undefined;
  }

  /** The next entry of the database. */
  add(key: Buffer, value: Buffer): void {
    const sealed = readSealedValue(value, this.#log);
    if (sealed && sealed.lastSeq <= this.#lastSeq) this.#addStretch(sealed);
    else this.#addBlocks(value);
    this.#endOfValue(key);
  }

  /** There are no more entries. */
  end(): void {
    if (!this.complete) this.#lose(this.#lastSeq);
  }

  page(): Page {
    return { stretches: this.#stretches, next: this.#next, ...(this.#lost && { lost: this.#lost }) };
  }

  #addBlocks(value: Buffer): void {
    const { blocks, end } = splitValue(value);
    for (const block of blocks) {
      if (this.complete) return;
      if (isBlockOf(block, this.#log) && blockLastSeq(block) <= this.#lastSeq) this.#addStretch(stretchOf(block));
      else this.#damaged = true;
    }
    if (end !== value.length) this.#damaged = true;
  }

  #addStretch(stretch: Stretch): void {
    const { firstSeq, lastSeq } = stretch;
    if (lastSeq < this.#next) return;
    if (firstSeq > this.#next) return this.#lose(firstSeq - 1);
    if (firstSeq < this.#next && this.#stretches.length > 0) {
      this.#stretches.push(...cutStretch(stretch, this.#next, lastSeq).map(stretchOf));
    } else {
      this.#stretches.push(stretch);
    }
    this.#bytes += stretch.bytes.length;
    this.#next = lastSeq + 1;
    this.#damaged = false;
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
