import { promisify } from 'node:util';
import { crc32, gzip } from 'node:zlib';
import { blockFirstSeq, blockLastSeq, stampLog } from '../../protocol/index.js';
import type { Loss } from '../page.js';
import { packFooter } from './archive-footer.js';
import { type ArchiveChunk, type ArchiveIndex, archiveFormat } from './archive-index.js';
import type { FileSink } from './atomic-file.js';
import { SessionDigest } from './session-digest.js';
import type { SessionPart } from './session-part.js';

const compressed = promisify<Buffer, Buffer>(gzip);

/** A chunk is compressed when so many bytes of blocks are together. */
const chunkBytes = 1024 * 1024;

/** What an archive says of its session. */
export type ArchiveFacts = Pick<
  ArchiveIndex,
  'source' | 'session' | 'epoch' | 'createdMs' | 'endedMs' | 'reason' | 'discarded' | 'discardReason' | 'lastSeq'
>;

/** Writes a session as an archive: see README.md for the format. The same session makes the same bytes. */
export class ArchiveWriter {
  readonly #sink: FileSink;
  readonly #digest = new SessionDigest();
  readonly #chunks: ArchiveChunk[] = [];
  readonly #lost: Loss[] = [];
  #blocks: Buffer[] = [];
  #blockBytes = 0;
  #offset = 0;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  /** Append the next part of the session. */
  async add(part: SessionPart): Promise<void> {
    this.#digest.add(part);
    for (const block of part.blocks) {
      this.#blocks.push(block);
      this.#blockBytes += block.length;
      if (this.#blockBytes >= chunkBytes) await this.#endChunk();
    }
    if (!part.lost) return;
    await this.#endChunk();
    this.#lost.push(part.lost);
  }

  /** Write what follows the last block. */
  async finish(facts: ArchiveFacts): Promise<ArchiveIndex> {
    await this.#endChunk();
    const { bytes, digest } = this.#digest.result();
    const { messages } = this.#digest;
    const index = { ...archiveFormat, ...facts, messages, bytes, digest, lost: this.#lost, chunks: this.#chunks };
    const member = await compressed(Buffer.from(JSON.stringify(index)));
    await this.#sink(member);
    await this.#sink(packFooter(this.#offset, member));
    return index;
  }

  async #endChunk(): Promise<void> {
    const [first] = this.#blocks;
    if (!first) return;
    const blocks = this.#blocks.splice(0);
    const lastSeq = blockLastSeq(blocks[blocks.length - 1]!);
    const member = await compressed(withoutLog(blocks));
    await this.#sink(member);
    const bytes = member.length;
    this.#chunks.push({ offset: this.#offset, bytes, firstSeq: blockFirstSeq(first), lastSeq, crc32: crc32(member) });
    this.#offset += bytes;
    this.#blockBytes = 0;
  }
}

/** The number of a log means nothing outside of its server. */
function withoutLog(blocks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(blocks);
  let offset = 0;
  for (const { length } of blocks) {
    stampLog(bytes.subarray(offset, offset + length), 0);
    offset += length;
  }
  return bytes;
}
