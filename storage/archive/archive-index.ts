import { limits } from '../../protocol/index.js';
import { StorageError } from '../errors.js';
import type { Loss } from '../page.js';

/** What the first two fields of an index say. */
export const archiveFormat = { format: 'latecomer archive', version: 1 } as const;

/** A member of the file that holds blocks of contiguous messages. */
export interface ArchiveChunk {
  /** Where it begins in the file. */
  offset: number;
  /** Its length in the file. */
  bytes: number;
  firstSeq: number;
  lastSeq: number;
  /** crc32 of these bytes of the file. */
  crc32: number;
}

/** Why messages are not in it. */
const lossReasons: ReadonlySet<string> = new Set<Loss['reason']>(['corrupt', 'missing']);

/** What an archive says of itself: the last member of the file but one. */
export interface ArchiveIndex {
  format: typeof archiveFormat.format;
  version: number;
  source: string;
  session: string;
  /** That of the session that was archived. */
  epoch: string;
  /** Milliseconds since 1970. */
  createdMs: number;
  /** Milliseconds since 1970. */
  endedMs: number;
  /** Why it ended. */
  reason: string;
  /** What it holds is not to be used. */
  discarded?: true;
  /** Why, when it is not. */
  discardReason?: string;
  /** Last number of the session; 0 when it had no message. The first one is 1. */
  lastSeq: number;
  /** Messages in the file. */
  messages: number;
  /** Of the blocks in the file, before they were compressed. */
  bytes: number;
  /** As {@link SessionDigest} defines it, over the messages in the file. */
  digest: string;
  /** Messages that could not be read when it was written; with the chunks they are all of the session. */
  lost: Loss[];
  chunks: ArchiveChunk[];
}

/**
 * Check that an index is one, and that its chunks fill the file up to the index, and the session up to its end.
 * @param indexOffset where the index begins in the file
 * @throws StorageError `ERR_NOT_AN_ARCHIVE`
 */
export function checkIndex(value: unknown, indexOffset: number, path: string): ArchiveIndex {
  const index = value as ArchiveIndex;
  const fail = (why: string): never => {
    throw new StorageError('ERR_NOT_AN_ARCHIVE', `${path} is no archive: ${why}`);
  };
  if (index?.format !== archiveFormat.format) return fail(`its index is not of a ${archiveFormat.format}`);
  if (index.version !== archiveFormat.version) {
    return fail(`it is of version ${index.version}, this program reads version ${archiveFormat.version}`);
  }
  const wrong = wrongField(index);
  if (wrong !== undefined) return fail(`the ${wrong} in its index is not as it should be`);
  let offset = 0;
  for (const chunk of index.chunks) {
    if (chunk.offset !== offset) fail(`a chunk begins at byte ${chunk.offset}, expected ${offset}`);
    offset += chunk.bytes;
  }
  if (offset !== indexOffset) fail(`its chunks end at byte ${offset}, its index begins at ${indexOffset}`);
  let next = 1;
  for (const part of partsOf(index)) {
    const [from, to] = 'crc32' in part ? [part.firstSeq, part.lastSeq] : [part.from, part.to];
    if (from !== next || to < from) fail(`a part of it holds [${from}..${to}], expected one from ${next}`);
    next = to + 1;
  }
  if (next !== index.lastSeq + 1) fail(`it ends at ${next - 1}, its session at ${index.lastSeq}`);
  return index;
}

/** The first field that is not what it should be, whatever wrote it. */
function wrongField(index: ArchiveIndex): string | undefined {
  const { discarded, discardReason, chunks, lost } = index;
  const good: Record<string, boolean> = {
    source: isName(index.source),
    session: isName(index.session),
    epoch: isName(index.epoch),
    createdMs: isCount(index.createdMs),
    endedMs: isCount(index.endedMs),
    reason: isReason(index.reason),
    discarded: discarded === undefined || discarded === true,
    discardReason: discardReason === undefined || isReason(discardReason),
    lastSeq: isCount(index.lastSeq),
    messages: isCount(index.messages),
    bytes: isCount(index.bytes),
    digest: typeof index.digest === 'string',
    chunks: Array.isArray(chunks) && chunks.every(isChunk),
    lost: Array.isArray(lost) && lost.every(isLoss),
  };
  return Object.keys(good).find((field) => !good[field]);
}

function isName(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && Buffer.byteLength(text) <= limits.nameBytesMax;
}

function isReason(text: unknown): boolean {
  return typeof text === 'string' && Buffer.byteLength(text) <= limits.reasonBytesMax;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isChunk(chunk: ArchiveChunk | null): boolean {
  return [chunk?.offset, chunk?.bytes, chunk?.firstSeq, chunk?.lastSeq, chunk?.crc32].every(isCount);
}

function isLoss(loss: Loss | null): boolean {
  return isCount(loss?.from) && isCount(loss?.to) && lossReasons.has(loss?.reason ?? '');
}

/** Chunks and losses in the order of their numbers. */
export function partsOf({ chunks, lost }: ArchiveIndex): (ArchiveChunk | Loss)[] {
  const parts = [...chunks, ...lost];
  const start = (part: ArchiveChunk | Loss): number => ('crc32' in part ? part.firstSeq : part.from);
  return parts.sort((one, other) => start(one) - start(other));
}
