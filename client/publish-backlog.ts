import { blockPayloadBytesMax, limits } from '../protocol/index.js';
import type { Publication } from './publication.js';

/** Publications that are in no frame yet, in the order they were made. */
export class PublishBacklog {
  #queue: Publication[] = [];
  /** Where the queue begins; shifting an array of a hundred thousand would cost more than the publishes. */
  #head = 0;
  #bytes = 0;

  /** Bytes of those that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#head === this.#queue.length;
  }

  /** Bytes of the first one; 0 when there is none. */
  get firstBytes(): number {
    return this.#queue[this.#head]?.bytes ?? 0;
  }

  push(publication: Publication): void {
    this.#queue.push(publication);
    this.#bytes += publication.bytes;
  }

  /**
   * The publications of the next frame: as many as fit one block, of one session. At least one, however large, unless
   * the backlog is empty. Those whose caller has given up are left out.
   * @param bytesMax room for all but the first
   */
  take(bytesMax: number): Publication[] {
    const taken: Publication[] = [];
    let bytes = 0;
    let messages = 0;
    while (this.#head < this.#queue.length) {
      const publication = this.#queue[this.#head]!;
      if (!publication.settled) {
        bytes += publication.bytes;
        messages += publication.payloads.length;
        const fits = bytes <= Math.min(bytesMax, blockPayloadBytesMax) && messages <= limits.blockMessagesMax;
        if (taken.length > 0 && !(fits && publication.session === taken[0]!.session)) break;
        taken.push(publication);
      }
      this.#bytes -= publication.bytes;
      this.#head += 1;
    }
    this.#compact();
    return taken;
  }

  /** Everything that waits, which then waits no more. */
  clear(): Publication[] {
    const all = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    this.#bytes = 0;
    return all;
  }

  #compact(): void {
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}
