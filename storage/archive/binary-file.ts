import { StorageError } from '../errors.js';
import type { ArchiveWork } from './archive-work.js';
import { type FileSink, writeWhole } from './atomic-file.js';

/** Largest packet of a BinaryFILE: its length has two bytes. */
const packetBytesMax = 0xffff;
/** Packets are written in pieces of about this size. */
const pieceBytes = 256 * 1024;

/** One message of a session. */
export interface ExportedMessage {
  seq: number;
  payload: Uint8Array;
}

/**
 * Write messages as a NASDAQ BinaryFILE (version 1.00): each packet is its length, two bytes, big-endian, and the
 * payload. A packet of length 0 is the end of the session. The format has no numbers: the first packet is number 1.
 * @param session its last number, and whether it has ended: then the end is marked
 * @throws StorageError `ERR_NOT_EXPORTABLE` for what the format cannot say: a gap, an empty payload, one of more than
 *   65535 bytes; `ERR_DISK_FULL`, `ERR_ARCHIVE_FAILED`. No file is left then.
 */
export async function writeBinaryFile(
  path: string,
  messages: AsyncIterable<ExportedMessage>,
  { lastSeq, ended }: { lastSeq: number; ended: boolean },
  work: ArchiveWork = {},
): Promise<void> {
  await writeWhole(path, work, async (sink) => {
    const pieces = new Pieces(sink);
    let packets = 0;
    for await (const { seq, payload } of messages) {
      if (seq !== packets + 1) throw notExportable(`number ${seq} follows ${packets}, and it has no numbers`);
      if (payload.length === 0) throw notExportable(`message ${seq} is empty, which marks the end of the session`);
      if (payload.length > packetBytesMax) {
        throw notExportable(`message ${seq} has ${payload.length} bytes, a packet at most ${packetBytesMax}`);
      }
      packets += 1;
      await pieces.add(lengthOf(payload.length), payload);
    }
    if (packets !== lastSeq) throw notExportable(`messages ${packets + 1} to ${lastSeq} are lost`);
    if (ended) await pieces.add(lengthOf(0));
    await pieces.flush();
  });
}

function notExportable(why: string): StorageError {
  return new StorageError('ERR_NOT_EXPORTABLE', `BinaryFILE cannot hold this session: ${why}`);
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(bytes);
  return length;
}

/** Many small parts, written in few pieces. */
class Pieces {
  readonly #sink: FileSink;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  async add(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes >= pieceBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const piece = Buffer.concat(this.#parts.splice(0));
    this.#bytes = 0;
    if (piece.length > 0) await this.#sink(piece);
  }
}
