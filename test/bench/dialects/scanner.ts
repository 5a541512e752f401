const nothing = Buffer.alloc(0);

/**
 * Walks a stream of units (a frame, a line with its body) chunk by chunk. The body of a unit need not be in the chunk
 * its head is in, so that nothing large is copied.
 */
export abstract class Scanner {
  /** Start of a unit whose head is not complete. */
  #rest: Buffer = nothing;
  /** Bytes of the last unit that are still to come. */
  #owed = 0;

  /** Whether the last unit has arrived to its end. */
  get isWhole(): boolean {
    return this.#owed === 0 && this.#rest.length === 0;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = this.#owed;
    while (at < bytes.length) {
      const length = this.unit(bytes, at);
      if (length === 0) break;
      at += length;
    }
    this.#owed = Math.max(0, at - bytes.length);
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : nothing;
  }

  /** @returns length of the unit that starts at `at`, which may end behind `bytes`; 0 when more of it is needed to tell */
  protected abstract unit(bytes: Buffer, at: number): number;
}
