import { ProtocolError } from './errors.js';

/** A run of encoded payloads: msgpack `bin` values back to back, checked to add up. */
export interface Payloads {
  /** The encoded values; a view, never copied on the way to the log. */
  bytes: Buffer;
  count: number;
}

const bin8 = 0xc4;
const bin16 = 0xc5;
const bin32 = 0xc6;

/**
 * Offset just behind the `bin` value that starts at `offset`.
 * @throws ProtocolError `ERR_BAD_MESSAGE` when there is no whole `bin` value before `end`
 */
export function skipBin(bytes: Buffer, offset: number, end: number = bytes.length): number {
  const next = binEnd(bytes, offset, end);
  if (next === -1) throw new ProtocolError('ERR_BAD_MESSAGE', `no whole msgpack bin value at byte ${offset} of ${end}`);
  return next;
}

/** As {@link skipBin}, with -1 instead of an error. */
function binEnd(bytes: Buffer, offset: number, end: number): number {
  let next = -1;
  switch (bytes[offset]) {
    case bin8:
      if (offset + 2 <= end) next = offset + 2 + bytes[offset + 1]!;
      break;
    case bin16:
      if (offset + 3 <= end) next = offset + 3 + bytes.readUInt16BE(offset + 1);
      break;
    case bin32:
      if (offset + 5 <= end) next = offset + 5 + bytes.readUInt32BE(offset + 1);
      break;
  }
  return next <= end ? next : -1;
}

/**
 * Check by hand, without decoding, that exactly `count` bin values fill `bytes`: a publisher cannot put into a block
 * what a subscriber's msgpack library could not read.
 * @throws ProtocolError `ERR_BAD_MESSAGE`
 */
export function checkPayloads(bytes: Buffer, count: number): Payloads {
  let offset = 0;
  for (let index = 0; index < count; index += 1) {
    const next = binEnd(bytes, offset, bytes.length);
    if (next === -1) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `payload ${index + 1} of ${count} is no whole msgpack bin value`);
    }
    offset = next;
  }
  if (offset !== bytes.length) {
    throw new ProtocolError(
      'ERR_BAD_MESSAGE',
      `${bytes.length - offset} bytes behind the ${count} payloads of a frame`,
    );
  }
  return { bytes, count };
}

/** Bytes the `bin` header of a payload of this size takes. */
export function binHeaderBytes(payloadBytes: number): number {
  if (payloadBytes <= 0xff) return 2;
  return payloadBytes <= 0xffff ? 3 : 5;
}

/** Encode payloads as `bin` values back to back. */
export function encodePayloads(payloads: readonly Uint8Array[]): Payloads {
  let size = 0;
  for (const payload of payloads) size += binHeaderBytes(payload.length) + payload.length;
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const payload of payloads) {
    offset = writeBinHeader(bytes, payload.length, offset);
    bytes.set(payload, offset);
    offset += payload.length;
  }
  return { bytes, count: payloads.length };
}

function writeBinHeader(bytes: Buffer, payloadBytes: number, offset: number): number {
  if (payloadBytes <= 0xff) {
    bytes[offset] = bin8;
    bytes[offset + 1] = payloadBytes;
    return offset + 2;
  }
  if (payloadBytes <= 0xffff) {
    bytes[offset] = bin16;
    return bytes.writeUInt16BE(payloadBytes, offset + 1);
  }
  bytes[offset] = bin32;
  return bytes.writeUInt32BE(payloadBytes, offset + 1);
}

/** The payloads themselves, as views of `bytes` from `offset` on. */
export function* decodePayloads(bytes: Buffer, offset = 0): Generator<Buffer> {
  while (offset < bytes.length) {
    const end = skipBin(bytes, offset);
    const header = bytes[offset] === bin8 ? 2 : bytes[offset] === bin16 ? 3 : 5;
    yield bytes.subarray(offset + header, end);
    offset = end;
  }
}
