const nothing = Buffer.alloc(0);

/** Smallest buffer that bytes of several chunks are gathered in. */
const gatheredBytesMin = 256;

/**
 * Bytes that have arrived and were not taken. A chunk is kept as it is; only what spans chunks is gathered, in a buffer
 * that doubles, so that a peer that drips bytes costs twice the bytes it has sent.
 */
export class Pending {
  #bytes: Buffer = nothing;
  #start = 0;
  #end = 0;
  #gathered = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** What is there; it stays as it is when more is pushed. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#gathered = false;
      return;
    }
    if (!this.#gathered || this.#end + chunk.length > this.#bytes.length) this.#gather(chunk.length);
    this.#end += chunk.copy(this.#bytes, this.#end);
  }

  /** Take the first `count` bytes. */
  take(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#start + count);
    this.#start += count;
    if (this.length === 0) this.#bytes = nothing;
    return taken;
  }

  #gather(more: number): void {
    const { bytes } = this;
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(gatheredBytesMin, 2 * (bytes.length + more)));
    this.#start = 0;
    this.#end = bytes.copy(this.#bytes);
    this.#gathered = true;
  }
}
