import { crc32 } from 'node:zlib';
import { ProtocolError } from './errors.js';
import { lengthPrefixBytes } from './frame-reader.js';
import { limits } from './limits.js';
import { type Payloads, skipBin } from './payloads.js';
import { FrameType } from './types.js';

/**
 * A block is a frame that carries messages: what one commit wrote for one log, on disk and on the wire alike.
 *
 *     offset  0  u32 BE   length of what follows
 *             4  0x96     array of 6
 *             5  u8       MESSAGES, or RETRANSMISSION
 *             6  0xce u32 the log; in a RETRANSMISSION the number of the request
 *            11  0xcf u64 firstSeq
 *            20  0xcf u64 timeMs
 *            29  0xce u32 crc32 of bytes 11..28 and 34..end
 *            34  0xdd u32 number of payloads
 *            39           payloads: bin values
 *
 * The header integers have a fixed width so that a header can be stamped, and replaced, without moving a payload.
 * A block's Buffer is shared by everyone who sends it: treat it as frozen.
 */
export const blockHeaderBytes = 39;

const at = {
  type: 5,
  log: 7,
  seqs: 11,
  firstSeq: 12,
  timeMs: 21,
  crcMarker: 29,
  crc: 30,
  array: 34,
  count: 35,
} as const;

/** The fixed part of a block. */
export interface BlockHeader {
  type: typeof FrameType.MESSAGES | typeof FrameType.RETRANSMISSION;
  /** Number of the log; of the request in a RETRANSMISSION. */
  log: number;
  firstSeq: number;
  lastSeq: number;
  count: number;
  /** Milliseconds since 1970 at which the block was sealed. */
  timeMs: number;
  crc: number;
}

/**
 * Seal payloads into a block.
 * @param parts encoded payloads (see `payloads.ts`), copied once, in order
 * @param room bytes to be left behind the block in its memory, for what is stored along with it
 */
export function sealBlock(
  log: number,
  firstSeq: number,
  timeMs: number,
  parts: readonly Payloads[],
  room: number = 0,
): Buffer {
  let bytes = blockHeaderBytes;
  let count = 0;
  for (const part of parts) {
    bytes += part.bytes.length;
    count += part.count;
  }
  const block = Buffer.allocUnsafeSlow(bytes + room).subarray(0, bytes);
  let offset = blockHeaderBytes;
  for (const part of parts) {
    block.set(part.bytes, offset);
    offset += part.bytes.length;
  }
  stampHeader(block, FrameType.MESSAGES, log, firstSeq, timeMs, count);
  block.writeUInt32BE(blockCrc(block), at.crc);
  return block;
}

function stampHeader(
  block: Buffer,
  type: BlockHeader['type'],
  log: number,
  firstSeq: number,
  timeMs: number,
  count: number,
): void {
  block.writeUInt32BE(block.length - lengthPrefixBytes, 0);
  block[4] = 0x96;
  block[at.type] = type;
  block[at.log - 1] = 0xce;
  block.writeUInt32BE(log, at.log);
  block[at.seqs] = 0xcf;
  writeUInt53(block, firstSeq, at.firstSeq);
  block[at.timeMs - 1] = 0xcf;
  writeUInt53(block, timeMs, at.timeMs);
  block[at.crcMarker] = 0xce;
  block[at.array] = 0xdd;
  block.writeUInt32BE(count, at.count);
}

/** crc32 over sequence number, time and payloads; neither the frame type nor the log is covered. */
export function blockCrc(block: Buffer): number {
  return crc32(block.subarray(at.array), crc32(block.subarray(at.seqs, at.crcMarker)));
}

/** First sequence number of a block, without reading the rest of its header. */
export function blockFirstSeq(block: Buffer): number {
  return readUInt53(block, at.firstSeq);
}

/** Last sequence number of a block. */
export function blockLastSeq(block: Buffer): number {
  return blockFirstSeq(block) + block.readUInt32BE(at.count) - 1;
}

/**
 * The header of a frame that should be a block. Payloads are not looked at: see {@link verifyBlock}.
 * @param block the frame, length prefix included
 * @throws ProtocolError `ERR_BAD_MESSAGE` when the fixed part is not as {@link blockHeaderBytes} lays it out, or holds
 *   no message or a number beyond 2^53 - 1
 */
export function readBlockHeader(block: Buffer): BlockHeader {
  const type = block[at.type];
  const wellFormed =
    block.length > blockHeaderBytes &&
    block.readUInt32BE(0) === block.length - lengthPrefixBytes &&
    block[4] === 0x96 &&
    block[at.log - 1] === 0xce &&
    block[at.seqs] === 0xcf &&
    block[at.timeMs - 1] === 0xcf &&
    block[at.crcMarker] === 0xce &&
    block[at.array] === 0xdd;
  if (!wellFormed || (type !== FrameType.MESSAGES && type !== FrameType.RETRANSMISSION)) {
    throw new ProtocolError('ERR_BAD_MESSAGE', `frame of ${block.length} bytes is not a block`);
  }
  const firstSeq = blockFirstSeq(block);
  const count = block.readUInt32BE(at.count);
  const lastSeq = firstSeq + count - 1;
  const timeMs = readUInt53(block, at.timeMs);
  if (firstSeq < 1 || count < 1 || !Number.isSafeInteger(lastSeq) || !Number.isSafeInteger(timeMs)) {
    throw new ProtocolError('ERR_BAD_MESSAGE', `block of ${count} messages from ${firstSeq} at ${timeMs} cannot be`);
  }
  return {
    type,
    log: block.readUInt32BE(at.log),
    firstSeq,
    lastSeq,
    count,
    timeMs,
    crc: block.readUInt32BE(at.crc),
  };
}

/** Whether a block is laid out right and its crc holds. */
export function verifyBlock(block: Buffer): boolean {
  try {
    const header = readBlockHeader(block);
    return header.crc === blockCrc(block);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/** Encoded payloads of a block. */
export function blockPayloads(block: Buffer): Payloads {
  return { bytes: block.subarray(blockHeaderBytes), count: block.readUInt32BE(at.count) };
}

/**
 * The part of a block that holds [from..to]: the block itself when that is all of it, else a new header before a copy
 * of just those payloads.
 * @throws RangeError when the block does not hold that range
 */
export function sliceBlock(block: Buffer, from: number, to: number = blockLastSeq(block)): Buffer {
  const { log, firstSeq, lastSeq, timeMs } = readBlockHeader(block);
  if (from === firstSeq && to === lastSeq) return block;
  if (from < firstSeq || to > lastSeq || from > to) {
    throw new RangeError(`block holds [${firstSeq}..${lastSeq}], asked for [${from}..${to}]`);
  }
  let start = blockHeaderBytes;
  for (let seq = firstSeq; seq < from; seq += 1) start = skipBin(block, start);
  let end = to === lastSeq ? block.length : start;
  if (to !== lastSeq) for (let seq = from; seq <= to; seq += 1) end = skipBin(block, end);
  return sealBlock(log, from, timeMs, [{ bytes: block.subarray(start, end), count: to - from + 1 }]);
}

/** A copy of a block's header that makes it the answer to a rerequest; send it before {@link blockBody}. */
export function retransmissionHeader(block: Buffer, request: number): Buffer {
  const header = Buffer.from(block.subarray(0, blockHeaderBytes));
  header[at.type] = FrameType.RETRANSMISSION;
  header.writeUInt32BE(request, at.log);
  return header;
}

/** Make a block one of another log. Its crc stays right; nobody else may have it yet. */
export function stampLog(block: Buffer, log: number): void {
  block.writeUInt32BE(log, at.log);
}

/** What follows a block's header. */
export function blockBody(block: Buffer): Buffer {
  return block.subarray(blockHeaderBytes);
}

/**
 * Cut a value of the log into its blocks, as views.
 * @returns the whole blocks from the start on, and the offset at which the first thing that is not one begins (the
 *   value's length when all is well)
 */
export function splitBlocks(value: Buffer): { blocks: Buffer[]; end: number } {
  const blocks: Buffer[] = [];
  let offset = 0;
  while (offset + blockHeaderBytes < value.length) {
    const end = offset + lengthPrefixBytes + value.readUInt32BE(offset);
    if (end <= offset + blockHeaderBytes || end > value.length) break;
    blocks.push(value.subarray(offset, end));
    offset = end;
  }
  return { blocks, end: offset };
}

/**
 * The last number of blocks that lie back to back in a value up to `end`, without a view of each of them. Nothing of
 * them is looked at but their lengths and numbers.
 * @returns `undefined` when the last frame does not end there, or their numbers do not follow on each other
 */
export function lastSeqOfBlocks(value: Buffer, end: number): number | undefined {
  let next = 0;
  let offset = 0;
  while (offset + blockHeaderBytes < end) {
    const firstSeq = readUInt53(value, offset + at.firstSeq);
    if (offset > 0 && firstSeq !== next) return undefined;
    next = firstSeq + value.readUInt32BE(offset + at.count);
    offset += lengthPrefixBytes + value.readUInt32BE(offset);
  }
  return offset === end ? next - 1 : undefined;
}

/** Room for payloads in one block; a single payload may be larger, up to `limits.payloadBytesMax`. */
export const blockPayloadBytesMax = limits.blockBytesMax - blockHeaderBytes;

function writeUInt53(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  bytes.writeUInt32BE(value % 0x1_0000_0000, offset + 4);
}

function readUInt53(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 4);
}
