import { type Dialect, type Packet, type PacketReader, serverPacket } from './dialect.js';
import { debugText } from './fields.js';
import { frameBlocks, type MessageFraming } from './frame-blocks.js';
import { Pending } from './pending.js';
import { SoupError } from './soup-error.js';
import { soupLimits } from './soup-limits.js';

/** SoupTCP 2.00: a packet ends with a line feed, so none can be in it. */
export const lineFeed = 0x0a;
const carriageReturn = 0x0d;

const sequencedType = serverPacket.sequenced.charCodeAt(0);

const framing: MessageFraming = {
  obstacle(bytes, start, end) {
    if (start === end) return 'it is empty, which here means the end of the session';
    const at = bytes.subarray(start, end).indexOf(lineFeed);
    return at === -1 ? undefined : `its byte ${at} is a line feed, which would end the packet`;
  },
  write(bytes, at, start, end) {
    bytes.copyWithin(at + 1, start, end);
    bytes[at] = sequencedType;
    bytes[at + 1 + end - start] = lineFeed;
    return at + 2 + end - start;
  },
};

/** SoupTCP 2.00: packets are lines of ASCII. */
export const soupTcp: Dialect = {
  name: 'SoupTCP 2.00',
  sequenceMax: 10 ** soupLimits.tcpSequenceBytes - 1,
  heartbeat: line(serverPacket.heartbeat),
  // A Sequenced Data packet without a message; `Z` came with SoupBinTCP.
  endOfSession: line(serverPacket.sequenced),
  accepted(session, sequence) {
    const { sessionBytes, tcpSequenceBytes } = soupLimits;
    // Both are padded on the left.
    return line(
      serverPacket.loginAccepted + session.padStart(sessionBytes) + String(sequence).padStart(tcpSequenceBytes),
    );
  },
  rejected: (reason) => line(serverPacket.loginRejected + reason),
  debug: (text) => line(serverPacket.debug + debugText(text)),
  frame: (blocks) => frameBlocks(blocks, framing),
  reader: () => new LineReader(),
};

function line(text: string): Buffer {
  return Buffer.from(`${text}\n`, 'latin1');
}

class LineReader implements PacketReader {
  readonly #pending = new Pending();
  /** Pending bytes known to hold no line feed. */
  #searched = 0;

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
  }

  take(): Packet | undefined {
    for (;;) {
      const end = this.#pending.bytes.indexOf(lineFeed, this.#searched);
      if (end === -1) return this.#wait();
      this.#searched = 0;
      const bytes = this.#pending.take(end + 1).subarray(0, end);
      // A login without an end may be followed by one after all, and people end their lines with both.
      if (!isBlank(bytes)) return { type: bytes.toString('latin1', 0, 1), payload: bytes.subarray(1) };
    }
  }

  #wait(): undefined {
    this.#searched = this.#pending.length;
    if (this.#searched <= soupLimits.lineBytesMax) return;
    throw new SoupError('ERR_FRAME_TOO_LARGE', `no line feed within ${soupLimits.lineBytesMax} bytes`);
  }
}

function isBlank(line: Buffer): boolean {
  return line.length === 0 || (line.length === 1 && line[0] === carriageReturn);
}
