import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { type Durability, type ReceiptRun, splitBlocks } from '../protocol/index.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'number' });

/** The receipts of the publishes whose messages are in one block. */
export interface BlockReceipts {
  session: string;
  epoch: string;
  durability: Durability;
  /** When they were acknowledged. */
  timeMs: number;
  /** What each publisher, by its id, has in the block, in the order of its numbers. */
  publishers: [id: string, runs: ReceiptRun[]][];
}

/** What is stored under a BLOCK key. */
export interface BlockValue {
  /** The whole blocks it starts with. */
  blocks: Buffer[];
  /** The receipts behind them, packed, if there are any. */
  receipts: Buffer | undefined;
  /** Where the first thing begins that is neither; the value's length when all is well. */
  end: number;
}

const lengthBytes = 4;
/** In place of the 0x96 of a block. */
const receiptsMarker = 0x92;
const crcAt = 6;
const rowsAt = 10;

/**
 * Receipts as they are laid behind their block: a frame as a block is one, which is not sent to anybody.
 *
 *     offset  0  u32 BE   length of what follows
 *             4  0x92     array of 2
 *             5  0xce u32 crc32 of bytes 10..end
 *            10           the fields of {@link BlockReceipts}, an array
 */
export function packBlockReceipts(receipts: BlockReceipts): Buffer {
  const { session, epoch, durability, timeMs, publishers } = receipts;
  const rows = packr.pack([session, epoch, durability, timeMs, publishers]);
  const frame = Buffer.allocUnsafe(rowsAt + rows.length);
  frame.writeUInt32BE(frame.length - lengthBytes, 0);
  frame[lengthBytes] = receiptsMarker;
  frame[crcAt - 1] = 0xce;
  frame.writeUInt32BE(crc32(rows), crcAt);
  frame.set(rows, rowsAt);
  return frame;
}

/** @returns `undefined` when they are damaged */
export function readBlockReceipts(frame: Buffer): BlockReceipts | undefined {
  const rows = frame.subarray(rowsAt);
  if (frame.length <= rowsAt || frame.readUInt32BE(crcAt) !== crc32(rows)) return undefined;
  const [session, epoch, durability, timeMs, publishers] = packr.unpack(rows) as [
    string,
    string,
    Durability,
    number,
    BlockReceipts['publishers'],
  ];
  return { session, epoch, durability, timeMs, publishers };
}

/** Cut a value into its blocks and the receipts behind them, as views. Neither is verified. */
export function splitValue(value: Buffer): BlockValue {
  const { blocks, end } = splitBlocks(value);
  const last = blocks[blocks.length - 1];
  const receipts = last?.[lengthBytes] === receiptsMarker ? blocks.pop() : undefined;
  return { blocks, receipts, end };
}
