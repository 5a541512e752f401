import type { Dialect } from './dialect.js';
import { type FirstBytes, likelyDialect, readFirstBytes } from './first-bytes.js';

const nothing = Buffer.alloc(0);

/** Gathers the first bytes of a connection until they are a login, or cannot be one. */
export class LoginReader {
  #bytes: Buffer = nothing;
  #mayBeShort = false;

  /** Whether all that has arrived is a login if nothing follows for `shortLoginWaitMs`. */
  get mayBeShort(): boolean {
    return this.#mayBeShort;
  }

  /** What the client most likely understands. */
  get dialect(): Dialect {
    return likelyDialect(this.#bytes);
  }

  push(chunk: Buffer): FirstBytes {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    return this.#read(false);
  }

  /** Nothing has followed for `shortLoginWaitMs`. */
  waited(): FirstBytes {
    return this.#read(true);
  }

  /** What has arrived behind the login; the reader is done. */
  rest(loginBytes: number): Buffer {
    const rest = this.#bytes.subarray(loginBytes);
    this.#bytes = nothing;
    return rest;
  }

  #read(waited: boolean): FirstBytes {
    const found = readFirstBytes(this.#bytes, waited);
    this.#mayBeShort = found.state === 'more' && found.short;
    return found;
  }
}
