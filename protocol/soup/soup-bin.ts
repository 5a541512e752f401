import { type Dialect, type Packet, type PacketReader, serverPacket } from './dialect.js';
import { debugText } from './fields.js';
import { frameBlocks, type MessageFraming } from './frame-blocks.js';
import { Pending } from './pending.js';
import { SoupError } from './soup-error.js';
import { soupLimits } from './soup-limits.js';

/** SoupBinTCP 3.00, 1.1: a two byte big-endian length, then as many bytes: one for the type, the rest is the payload. */
export const lengthBytes = 2;
const headerBytes = lengthBytes + 1;
/** The largest payload a packet has room for. */
const payloadBytesMax = soupLimits.packetBytesMax - 1;

const sequencedType = serverPacket.sequenced.charCodeAt(0);

const framing: MessageFraming = {
  obstacle(_bytes, start, end) {
    const length = end - start;
    if (length <= payloadBytesMax) return undefined;
    return `its ${length} bytes exceed the ${payloadBytesMax} that fit a packet`;
  },
  write(bytes, at, start, end) {
    bytes.copyWithin(at + headerBytes, start, end);
    bytes.writeUInt16BE(end - start + 1, at);
    bytes[at + lengthBytes] = sequencedType;
    return at + headerBytes + end - start;
  },
};

/** SoupBinTCP 3.00: packets with a length, any byte in a payload. */
export const soupBin: Dialect = {
  name: 'SoupBinTCP 3.00',
  sequenceMax: Number.MAX_SAFE_INTEGER,
  heartbeat: packet(serverPacket.heartbeat),
  endOfSession: packet(serverPacket.endOfSession),
  accepted(session, sequence) {
    const { sessionBytes, binSequenceBytes } = soupLimits;
    // 2.2.1: both are padded on the left.
    const fields = session.padStart(sessionBytes) + String(sequence).padStart(binSequenceBytes);
    return packet(serverPacket.loginAccepted, fields);
  },
  rejected: (reason) => packet(serverPacket.loginRejected, reason),
  debug: (text) => packet(serverPacket.debug, debugText(text)),
  frame: (blocks) => frameBlocks(blocks, framing),
  reader: () => new BinPacketReader(),
};

function packet(type: string, payload = ''): Buffer {
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt16BE(1 + payload.length, 0);
  bytes.write(type + payload, lengthBytes, 'latin1');
  return bytes;
}

class BinPacketReader implements PacketReader {
  readonly #pending = new Pending();

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
  }

  take(): Packet | undefined {
    if (this.#pending.length < lengthBytes) return undefined;
    const length = this.#pending.bytes.readUInt16BE(0);
    if (length === 0) throw new SoupError('ERR_BAD_FRAME', 'packet length is 0; a packet has a type at least');
    if (this.#pending.length < lengthBytes + length) return undefined;
    const bytes = this.#pending.take(lengthBytes + length);
    return { type: bytes.toString('latin1', lengthBytes, headerBytes), payload: bytes.subarray(headerBytes) };
  }
}
