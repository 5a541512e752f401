import type { FramedBlocks } from './frame-blocks.js';
import type { RejectReason } from './soup-error.js';

export type { FramedBlocks } from './frame-blocks.js';

/** A packet as it came from a client. */
export interface Packet {
  /** One character: the type. */
  type: string;
  payload: Buffer;
}

/** Types of the packets a client sends. SoupBinTCP 3.00, 2.1 and 2.3; SoupTCP 2.00 has the same. */
export const clientPacket = {
  debug: '+',
  loginRequest: 'L',
  unsequenced: 'U',
  heartbeat: 'R',
  logout: 'O',
} as const;

/** Types of the packets a server sends. SoupBinTCP 3.00, 2.1 and 2.2; SoupTCP 2.00 has all of them but `Z`. */
export const serverPacket = {
  debug: '+',
  loginAccepted: 'A',
  loginRejected: 'J',
  sequenced: 'S',
  heartbeat: 'H',
  endOfSession: 'Z',
} as const;

/** Cuts what a client sends after its login into packets. */
export interface PacketReader {
  /** Hand over the next chunk of the stream; the reader keeps views of it. */
  push(chunk: Buffer): void;
  /**
   * The next whole packet, or `undefined` when more bytes are needed.
   * @throws SoupError `ERR_BAD_FRAME`, `ERR_FRAME_TOO_LARGE`
   */
  take(): Packet | undefined;
}

/** One protocol of the family: how its packets look. What they mean is the same in all. */
export interface Dialect {
  /** Name and version of the document. */
  readonly name: string;
  /** Largest sequence number it can write. */
  readonly sequenceMax: number;
  readonly heartbeat: Buffer;
  /** Follows the last message of a session. */
  readonly endOfSession: Buffer;
  accepted(session: string, sequence: number): Buffer;
  rejected(reason: RejectReason): Buffer;
  /** @param text anything; what is not printable ASCII is replaced, what is too long is cut */
  debug(text: string): Buffer;
  /** The messages of whole blocks as Sequenced Data packets, up to the first one that it cannot carry. */
  frame(blocks: Buffer): FramedBlocks;
  reader(): PacketReader;
}
