import { strict as assert } from 'node:assert';
import { blockFirstSeq, blockLastSeq } from '../protocol/index.js';

/** Emptied places at the front that are tolerated before the array is moved up. */
const slackMax = 1024;

/** What a block takes in memory beside its bytes, as measured: a quiet stream's blocks are smaller than that. */
export const blockOverheadBytes = 512;

/**
 * The recent blocks of a log, whole and contiguous, held once for all who read them. Bounded by the memory they take;
 * the newest block is kept whatever its size.
 */
export class Ring {
  readonly #bytesMax: number;
  #blocks: (Buffer | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  #firstSeq: number;
  #lastSeq: number;

  /** @param nextSeq the number the first block pushed must start with */
  constructor(bytesMax: number, nextSeq: number) {
    this.#bytesMax = bytesMax;
    this.#firstSeq = nextSeq;
    this.#lastSeq = nextSeq - 1;
  }

  /** Oldest number held; `lastSeq + 1` while the ring is empty. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Newest number held; the number before the first one awaited while nothing was pushed. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Bytes of memory the blocks take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Add the next block and evict the oldest ones that no longer fit. */
  push(block: Buffer): void {
    assert.equal(blockFirstSeq(block), this.#lastSeq + 1, 'a ring holds contiguous blocks');
    this.#blocks.push(block);
    this.#bytes += block.length + blockOverheadBytes;
    this.#lastSeq = blockLastSeq(block);
    while (this.#bytes > this.#bytesMax && this.#start < this.#blocks.length - 1) this.#evict();
  }

  /** Forget everything and start again at `nextSeq`: what is between was lost on the way to this ring. */
  reset(nextSeq: number): void {
    this.#blocks = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#firstSeq = nextSeq;
    this.#lastSeq = nextSeq - 1;
  }

  /** Whether message `seq` is in a block of the ring. */
  has(seq: number): boolean {
    return seq >= this.#firstSeq && seq <= this.#lastSeq;
  }

  /**
   * Contiguous blocks from the one that holds `from` (not sliced): at least that one, then more while the total is at
   * most `bytesMax`.
   * @throws RangeError when the ring does not hold `from`
   */
  take(from: number, bytesMax: number): Buffer[] {
    if (!this.has(from)) throw new RangeError(`ring holds [${this.#firstSeq}..${this.#lastSeq}], asked for ${from}`);
    let index = this.#find(from);
    const taken = [this.#blocks[index]!];
    let bytes = taken[0]!.length;
    for (index += 1; index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index]!;
      bytes += block.length;
      if (bytes > bytesMax) break;
      taken.push(block);
    }
    return taken;
  }

  #evict(): void {
    this.#bytes -= this.#blocks[this.#start]!.length + blockOverheadBytes;
    this.#blocks[this.#start] = undefined;
    this.#start += 1;
    this.#firstSeq = blockFirstSeq(this.#blocks[this.#start]!);
    if (this.#start >= slackMax && this.#start * 2 > this.#blocks.length) {
      this.#blocks = this.#blocks.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Index of the block that holds `seq`: the last one that starts at or before it. */
  #find(seq: number): number {
    let low = this.#start;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (blockFirstSeq(this.#blocks[middle]!) <= seq) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
