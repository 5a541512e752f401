import type { Ring } from '../storage/index.js';

/**
 * What a subscription may take of the live stream: a view of its log's ring of recent blocks, up to the last number its
 * mailbox has announced as committed. The blocks are held once, by the ring, whatever the number of gap buffers on it;
 * the bound of a gap buffer is the bound of the ring.
 */
export class GapBuffer {
  readonly #ring: Ring;
  #head: number;

  /** @param head last number committed at the moment the subscription joins */
  constructor(ring: Ring, head: number) {
    this.#ring = ring;
    this.#head = head;
  }

  /** Last committed number it knows of. */
  get head(): number {
    return this.#head;
  }

  /** The mailbox's notice that everything up to `seq` is committed; an older notice changes nothing. */
  committed(seq: number): void {
    if (seq > this.#head) this.#head = seq;
  }

  /** Whether the block that holds `seq` has left the ring (or was never in it) and must be read from the log. */
  hasLost(seq: number): boolean {
    return seq <= this.#head && seq < this.#ring.firstSeq;
  }

  /** Contiguous blocks from the one that holds `seq`, about `bytesMax` of them; none when `seq` is beyond the head. */
  take(seq: number, bytesMax: number): Buffer[] {
    return seq > this.#head ? [] : this.#ring.take(seq, bytesMax);
  }
}
