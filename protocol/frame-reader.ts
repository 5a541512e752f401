import { ProtocolError } from './errors.js';

/** Bytes of the length prefix in front of every frame body. */
export const lengthPrefixBytes = 4;

/** Shared, so that a connection with nothing under way holds no memory for it, nor the chunk it has finished. */
const nothing = Buffer.alloc(0);

const tlsHandshake = 0x16;
const httpMethods = new Set(['GET ', 'POST', 'PUT ', 'HEAD', 'OPTI', 'DELE', 'PATC', 'CONN', 'TRAC', 'PRI ']);

/**
 * Cuts a byte stream into frames: `u32 BE length`, then that many bytes.
 *
 * Push a chunk, then take frames until there are none. A frame inside one chunk is a view of that chunk; one that spans
 * chunks is gathered in a buffer of its own size, so a peer that drips bytes costs one copy and at most one frame limit.
 */
export class FrameReader {
  #bodyBytesMax: number;
  #pending: Buffer = nothing;
  /** Where in it the next frame starts. */
  #offset = 0;
  #partial: Buffer | undefined;
  #filled = 0;
  #started = false;

  /** @param bodyBytesMax largest frame body accepted, until it is set anew */
  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** The limit in force; it is raised after login, and applies from the next frame taken. */
  set bodyBytesMax(bytes: number) {
    this.#bodyBytesMax = bytes;
  }

  /** Bytes received that are not yet part of a taken frame. */
  get pendingBytes(): number {
    return this.#pending.length - this.#offset + this.#filled;
  }

  /** Hand over the next chunk of the stream; the reader keeps views of it. */
  push(chunk: Buffer): void {
    const rest = this.#partial ? this.#fill(this.#partial, chunk) : chunk;
    if (rest.length === 0) return;
    this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([this.#pending.subarray(this.#offset), rest]);
    this.#offset = 0;
  }

  /**
   * The next whole frame including its length prefix, or `undefined` when more bytes are needed.
   * @throws ProtocolError `ERR_FRAME_TOO_LARGE`, `ERR_BAD_FRAME` (length 0), `ERR_NOT_LATECOMER` (first bytes are TLS or HTTP)
   */
  take(): Buffer | undefined {
    if (this.#partial) return this.#takePartial(this.#partial);
    if (this.#pending.length - this.#offset < lengthPrefixBytes) return undefined;
    const end = this.#offset + lengthPrefixBytes + this.#bodyBytes();
    if (end <= this.#pending.length) return this.#takeTo(end);
    this.#partial = Buffer.allocUnsafeSlow(end - this.#offset);
    this.#fill(this.#partial, this.#takeTo(this.#pending.length));
    return undefined;
  }

  #takeTo(end: number): Buffer {
    const taken = this.#pending.subarray(this.#offset, end);
    this.#offset = end;
    if (end === this.#pending.length) {
      this.#pending = nothing;
      this.#offset = 0;
    }
    return taken;
  }

  #takePartial(partial: Buffer): Buffer | undefined {
    if (this.#filled < partial.length) return undefined;
    this.#partial = undefined;
    this.#filled = 0;
    return partial;
  }

  /** @returns what of the chunk did not belong to the partial frame */
  #fill(partial: Buffer, chunk: Buffer): Buffer {
    const copied = chunk.copy(partial, this.#filled);
    this.#filled += copied;
    return chunk.subarray(copied);
  }

  #bodyBytes(): number {
    const bodyBytes = this.#pending.readUInt32BE(this.#offset);
    if (!this.#started) rejectOtherProtocols(this.#pending);
    this.#started = true;
    if (bodyBytes === 0) throw new ProtocolError('ERR_BAD_FRAME', 'frame length is 0; a frame holds at least one byte');
    if (bodyBytes > this.#bodyBytesMax) {
      throw new ProtocolError('ERR_FRAME_TOO_LARGE', `frame of ${bodyBytes} bytes exceeds ${this.#bodyBytesMax}`);
    }
    return bodyBytes;
  }
}

function rejectOtherProtocols(start: Buffer): void {
  const first4 = start.toString('latin1', 0, 4);
  if (httpMethods.has(first4)) {
    throw new ProtocolError(
      'ERR_NOT_LATECOMER',
      `this port speaks the Latecomer protocol, found an HTTP request (${first4.trim()})`,
    );
  }
  if (start[0] === tlsHandshake && start[1] === 0x03) {
    throw new ProtocolError(
      'ERR_NOT_LATECOMER',
      'this port speaks the Latecomer protocol without TLS, found a TLS hello',
    );
  }
}
