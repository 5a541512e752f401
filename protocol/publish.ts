import { isUtf8 } from 'node:buffer';
import { blockPayloadBytesMax } from './block.js';
import { ProtocolError } from './errors.js';
import { lengthPrefixBytes } from './frame-reader.js';
import { limits } from './limits.js';
import { binHeaderBytes, checkPayloads, type Payloads } from './payloads.js';
import { FrameType } from './types.js';

/** A PUBLISH: `[PUBLISH, number, session, payloads]`. All its payloads are written in one block, or none is. */
export interface Publish {
  /** The publisher's own number of this publish: 1, 2, 3… without a gap. */
  number: number;
  /** The session it is meant for; blank is the active one. */
  session: string;
  payloads: Payloads;
  /** The whole frame it came in, to be passed on as it is. */
  frame: Buffer;
}

/**
 * Encode a PUBLISH frame, length prefix included, as a header to send before `payloads.bytes`.
 * @throws RangeError when the session's name is longer than `limits.nameBytesMax`
 */
export function encodePublishHeader(number: number, session: string, payloads: Payloads): Buffer {
  const nameBytes = Buffer.byteLength(session);
  if (nameBytes > limits.nameBytesMax) {
    throw new RangeError(`session name of ${nameBytes} bytes exceeds nameBytesMax=${limits.nameBytesMax}`);
  }
  const header = Buffer.allocUnsafe(lengthPrefixBytes + 2 + 9 + 2 + nameBytes + 5);
  header.writeUInt32BE(header.length - lengthPrefixBytes + payloads.bytes.length, 0);
  header[4] = 0x94;
  header[5] = FrameType.PUBLISH;
  header[6] = 0xcf;
  header.writeUInt32BE(Math.floor(number / 0x1_0000_0000), 7);
  header.writeUInt32BE(number % 0x1_0000_0000, 11);
  header[15] = 0xd9;
  header[16] = nameBytes;
  header.write(session, 17);
  header[17 + nameBytes] = 0xdd;
  header.writeUInt32BE(payloads.count, 18 + nameBytes);
  return header;
}

/**
 * Read a PUBLISH frame without a msgpack library; any width of integer, string and array header is accepted.
 * @param frame the frame, length prefix included; the payloads returned are a view of it
 * @throws ProtocolError `ERR_BAD_MESSAGE`, or `ERR_PUBLISH_TOO_LARGE` when it would not fit one block
 */
export function readPublish(frame: Buffer): Publish {
  const cursor = new Cursor(frame, lengthPrefixBytes + 2);
  if (frame[lengthPrefixBytes] !== 0x94) {
    throw new ProtocolError('ERR_BAD_MESSAGE', 'PUBLISH is not an array of 4: [PUBLISH, number, session, payloads]');
  }
  const number = cursor.uint('publish number');
  if (number < 1) throw new ProtocolError('ERR_BAD_MESSAGE', 'publish number is 0; the first is 1');
  const session = cursor.name('session');
  const count = cursor.arrayHeader('payloads');
  const bytes = frame.subarray(cursor.offset);
  if (count === 0) throw new ProtocolError('ERR_BAD_MESSAGE', 'PUBLISH without a payload');
  const payloads = checkPayloads(bytes, count);
  if (count > limits.blockMessagesMax || (count > 1 && bytes.length > blockPayloadBytesMax)) {
    throw new ProtocolError(
      'ERR_PUBLISH_TOO_LARGE',
      `publish of ${count} payloads, ${bytes.length} bytes exceeds ${limits.blockMessagesMax} payloads or ${blockPayloadBytesMax} bytes; send it as several`,
    );
  }
  if (bytes.length > limits.payloadBytesMax + binHeaderBytes(limits.payloadBytesMax)) {
    throw new ProtocolError(
      'ERR_PUBLISH_TOO_LARGE',
      `payload of ${bytes.length - binHeaderBytes(limits.payloadBytesMax)} bytes exceeds payloadBytesMax=${limits.payloadBytesMax}`,
    );
  }
  return { number, session, payloads, frame };
}

/** Reads the few msgpack values in front of the payloads. */
class Cursor {
  readonly #bytes: Buffer;
  offset: number;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  uint(what: string): number {
    const marker = this.#byte(what);
    if (marker <= 0x7f) return marker;
    if (marker < 0xcc || marker > 0xcf) throw unexpected(what, 'an unsigned integer', marker);
    if (marker === 0xcc) return this.#byte(what);
    if (marker === 0xcd) return this.#bytes.readUInt16BE(this.#skip(2, what));
    if (marker === 0xce) return this.#bytes.readUInt32BE(this.#skip(4, what));
    const start = this.#skip(8, what);
    const value = this.#bytes.readUInt32BE(start) * 0x1_0000_0000 + this.#bytes.readUInt32BE(start + 4);
    if (!Number.isSafeInteger(value)) throw new ProtocolError('ERR_BAD_MESSAGE', `${what} ${value} is beyond 2^53 - 1`);
    return value;
  }

  /** A string of at most `limits.nameBytesMax` bytes; nil is the blank one. */
  name(what: string): string {
    const marker = this.#byte(what);
    if (marker === 0xc0 || marker === 0xa0) return '';
    let length: number;
    if (marker > 0xa0 && marker <= 0xbf) length = marker & 0x1f;
    else if (marker === 0xd9) length = this.#byte(what);
    else throw unexpected(what, `a string of at most ${limits.nameBytesMax} bytes`, marker);
    if (length === 0) return '';
    if (length > limits.nameBytesMax) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `${what} of ${length} bytes exceeds ${limits.nameBytesMax}`);
    }
    const start = this.#skip(length, what);
    const bytes = this.#bytes.subarray(start, this.offset);
    if (!isUtf8(bytes)) throw new ProtocolError('ERR_BAD_MESSAGE', `${what} is not UTF-8`);
    return bytes.toString('utf8');
  }

  arrayHeader(what: string): number {
    const marker = this.#byte(what);
    if (marker >= 0x90 && marker <= 0x9f) return marker & 0x0f;
    if (marker === 0xdc) return this.#bytes.readUInt16BE(this.#skip(2, what));
    if (marker === 0xdd) return this.#bytes.readUInt32BE(this.#skip(4, what));
    throw unexpected(what, 'an array', marker);
  }

  #byte(what: string): number {
    return this.#bytes[this.#skip(1, what)]!;
  }

  /** @returns where the bytes start that were skipped */
  #skip(bytes: number, what: string): number {
    const start = this.offset;
    if (start + bytes > this.#bytes.length) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `frame ends inside its ${what}`);
    }
    this.offset = start + bytes;
    return start;
  }
}

function unexpected(what: string, expected: string, marker: number): ProtocolError {
  return new ProtocolError(
    'ERR_BAD_MESSAGE',
    `${what} is not ${expected}: found msgpack byte 0x${marker.toString(16)}`,
  );
}
