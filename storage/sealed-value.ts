import { crc32 } from 'node:zlib';
import {
  blockFirstSeq,
  blockHeaderBytes,
  FrameType,
  lastSeqOfBlocks,
  lengthPrefixBytes,
  readBlockHeader,
  verifyBlock,
} from '../protocol/index.js';
import type { Stretch } from './stretch.js';

/**
 * A value of many small blocks ends with a seal, so that one crc tells that all of it is good:
 *
 *     u32 BE   0: no frame is that short
 *     u32 BE   crc32 of everything in front of it
 *
 * The blocks keep their own crcs. Where the seal does not hold, they tell which of them are good.
 */
const sealBytes = 8;

/** Put good blocks that follow on each other into a value with a seal. */
export function sealValue(blocks: readonly Buffer[]): Buffer {
  const value = Buffer.concat([...blocks, Buffer.alloc(sealBytes)]);
  value.writeUInt32BE(crc32(value.subarray(0, value.length - 4)), value.length - 4);
  return value;
}

/**
 * The blocks of a value whose seal holds, in one piece; `undefined` for any other value, be it damaged or without seal.
 * The frames have to end where the seal begins, so no payload can pass for one.
 * @param log the log they must be of: whoever sealed them has looked at each
 */
export function readSealedValue(value: Buffer, log: number): Stretch | undefined {
  const end = value.length - sealBytes;
  if (end <= blockHeaderBytes || value.readUInt32BE(end) !== 0) return undefined;
  const lastSeq = lastSeqOfBlocks(value, end);
  if (lastSeq === undefined || crc32(value.subarray(0, end + 4)) !== value.readUInt32BE(end + 4)) return undefined;
  const first = value.subarray(0, lengthPrefixBytes + value.readUInt32BE(0));
  if (!isBlockOf(first, log)) return undefined;
  return { bytes: value.subarray(0, end), firstSeq: blockFirstSeq(value), lastSeq };
}

/** Whether it is a good block of that log. The crc covers neither the frame's type nor its log. */
export function isBlockOf(block: Buffer, log: number): boolean {
  if (!verifyBlock(block)) return false;
  const header = readBlockHeader(block);
  return header.type === FrameType.MESSAGES && header.log === log;
}
