import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, gunzip, type InputType, type ZlibOptions } from 'node:zlib';
import { blockFirstSeq, blockLastSeq, splitBlocks, verifyBlock } from '../../protocol/index.js';
import { StorageError } from '../errors.js';
import { footerBytes, packFooter, readIndexOffset } from './archive-footer.js';
import { type ArchiveChunk, type ArchiveIndex, checkIndex, partsOf } from './archive-index.js';
import { type ArchiveWork, fileError, filesOf } from './archive-work.js';
import type { SessionPart } from './session-part.js';

const decompressed = promisify<InputType, ZlibOptions, Buffer>(gunzip);

/** No chunk, compressed or not, is larger: it ends with the block that makes it a mebibyte. */
const chunkBytesMax = 4 * 1024 * 1024;
const indexBytesMax = 512 * 1024 * 1024;

/** An archive that is open to be read. Nothing in the file is believed: what is damaged is found. */
export class ArchiveReader {
  readonly path: string;
  readonly index: ArchiveIndex;
  /** Of the file. */
  readonly fileBytes: number;
  readonly #file: FileHandle;
  readonly #work: ArchiveWork;

  private constructor(path: string, index: ArchiveIndex, fileBytes: number, file: FileHandle, work: ArchiveWork) {
    this.path = path;
    this.index = index;
    this.fileBytes = fileBytes;
    this.#file = file;
    this.#work = work;
  }

  /** @throws StorageError `ERR_NO_ARCHIVE`, `ERR_NOT_AN_ARCHIVE`, `ERR_ARCHIVE_FAILED` */
  static async open(path: string, work: ArchiveWork = {}): Promise<ArchiveReader> {
    let file: FileHandle | undefined;
    try {
      file = await filesOf(work).open(path, 'r');
      const { size } = await file.stat();
      return new ArchiveReader(path, await readIndex(file, size, path), size, file, work);
    } catch (error) {
      await file?.close();
      throw fileError(error, path);
    }
  }

  /**
   * All of the session in order, from 1 to its end. What was lost when it was archived, and what is damaged in the file,
   * is part of it as a loss.
   * @throws StorageError `ERR_ARCHIVE_FAILED` when the file cannot be read
   */
  async *parts(): AsyncGenerator<SessionPart> {
    for (const part of partsOf(this.index)) {
      await this.#work.pause?.();
      if (!('crc32' in part)) {
        yield { blocks: [], lost: part };
        continue;
      }
      const { firstSeq, lastSeq } = part;
      const blocks = await this.#blocks(part);
      if (blocks) yield { blocks };
      else yield { blocks: [], lost: { from: firstSeq, to: lastSeq, reason: 'corrupt' } };
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** The blocks of a chunk; `undefined` when it is damaged. */
  async #blocks({ offset, bytes, firstSeq, lastSeq, crc32: expected }: ArchiveChunk): Promise<Buffer[] | undefined> {
    if (bytes > chunkBytesMax) return undefined;
    const member = await readBytes(this.#file, offset, bytes).catch((error: unknown) => {
      throw fileError(error, this.path);
    });
    const content = crc32(member) === expected ? await inflated(member, chunkBytesMax) : undefined;
    if (!content) return undefined;
    const { blocks, end } = splitBlocks(content);
    let next = firstSeq;
    for (const block of blocks) {
      if (!verifyBlock(block) || blockFirstSeq(block) !== next) return undefined;
      next = blockLastSeq(block) + 1;
    }
    return end === content.length && next === lastSeq + 1 ? blocks : undefined;
  }
}

async function readIndex(file: FileHandle, size: number, path: string): Promise<ArchiveIndex> {
  const footer = await readBytes(file, Math.max(0, size - footerBytes), Math.min(size, footerBytes));
  const offset = readIndexOffset(footer, size);
  if (offset === undefined) {
    throw new StorageError('ERR_NOT_AN_ARCHIVE', `${path} is no archive, or was not finished: its footer is missing`);
  }
  const bytes = size - footerBytes - offset;
  const member = bytes <= indexBytesMax ? await readBytes(file, offset, bytes) : Buffer.alloc(0);
  if (!packFooter(offset, member).equals(footer)) {
    throw new StorageError(
      'ERR_NOT_AN_ARCHIVE',
      `${path}: its index is damaged: SHA-256 expected ${footer.toString('hex', 24, 56)}, found ${sha256(member)}`,
    );
  }
  const text = await inflated(member, indexBytesMax);
  return checkIndex(parsed(text), offset, path);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parsed(text: Buffer | undefined): unknown {
  try {
    return text && JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

async function inflated(member: Buffer, maxOutputLength: number): Promise<Buffer | undefined> {
  try {
    return await decompressed(member, { maxOutputLength });
  } catch {
    return undefined;
  }
}

/** @returns as many bytes as there are */
async function readBytes(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
