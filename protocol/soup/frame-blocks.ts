import { blockFirstSeq, blockHeaderBytes, blockPayloads, splitBlocks } from '../block.js';
import { skipBin } from '../payloads.js';

/** A message that has no packet. */
export interface Obstacle {
  seq: number;
  /** Why it cannot be carried. */
  reason: string;
}

/** Blocks as packets, back to back: of all their messages, or of those in front of an obstacle. */
export interface FramedBlocks {
  bytes: Buffer;
  obstacle?: Obstacle;
}

/** How one message is written. */
export interface MessageFraming {
  /** Why the payload in `bytes` [start..end) cannot be carried; `undefined` when it can. */
  obstacle(bytes: Buffer, start: number, end: number): string | undefined;
  /**
   * Make a packet of that payload: it starts at `at`, in front of the payload, and has at most three bytes more.
   * @returns the offset behind it
   */
  write(bytes: Buffer, at: number, start: number, end: number): number;
}

/** Write the messages of whole blocks, which lie back to back, as packets. */
export function frameBlocks(blocks: Buffer, framing: MessageFraming): FramedBlocks {
  const views = splitBlocks(blocks).blocks;
  // A packet may have a byte more than the payload with its msgpack header. Given so much of a lead, what is read is
  // always ahead of what is written, and payloads can be moved inside one Buffer, which is far faster than between two.
  const lead = views.reduce((sum, view) => sum + blockPayloads(view).count, 0);
  const bytes = Buffer.allocUnsafeSlow(lead + blocks.length);
  blocks.copy(bytes, lead);
  let at = 0;
  let offset = lead;
  for (const view of views) {
    const { count } = blockPayloads(view);
    offset += blockHeaderBytes;
    for (let index = 0; index < count; index += 1) {
      const start = offset + binHeaderBytesAt(bytes, offset);
      offset = skipBin(bytes, offset);
      const reason = framing.obstacle(bytes, start, offset);
      if (reason !== undefined) {
        return { bytes: bytes.subarray(0, at), obstacle: { seq: blockFirstSeq(view) + index, reason } };
      }
      at = framing.write(bytes, at, start, offset);
    }
  }
  return { bytes: bytes.subarray(0, at) };
}

/** A publisher may have written a longer header than the payload needs. */
function binHeaderBytesAt(bytes: Buffer, offset: number): number {
  switch (bytes[offset]) {
    case 0xc4:
      return 2;
    case 0xc5:
      return 3;
    default:
      return 5;
  }
}
