import type { AbstractBatchOptions, AbstractIterator, AbstractIteratorOptions, AbstractLevel } from 'abstract-level';
import { Level } from 'level';
import { StorageError } from './errors.js';

/** A LevelDB database whose keys and values are bytes. */
export type LevelHandle = AbstractLevel<string | Buffer | Uint8Array, Buffer, Buffer>;

/** Opens the database in a directory, or rejects. */
export type OpenLevel = (directory: string) => Promise<LevelHandle>;

/** A write; all of a batch are applied, or none is. */
export type Operation = { type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer };

/** Which entries to read, and how. */
export interface Range {
  gte: Buffer;
  lt: Buffer;
  reverse?: boolean;
  limit?: number;
}

/** About how much one call of `nextv` brings, unless told. */
export const readBytes = 256 * 1024;

/** A good trade of speed and memory: 64 MiB doubles the growth for a tenth of speed. */
const writeBufferSize = 16 * 1024 * 1024;

/** The real thing, on disk. */
export const openLevel: OpenLevel = async (directory) => {
  const level = new Level<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
    writeBufferSize,
  });
  await level.open();
  return level;
};

/** Write a batch; `sync`: resolve only when it is on disk. */
export async function writeBatch(level: LevelHandle, operations: Operation[], sync: boolean): Promise<void> {
  const options: AbstractBatchOptions<Buffer, Buffer> & { sync: boolean } = { sync };
  await level.batch(operations, options);
}

/**
 * An iterator that leaves LevelDB's own cache alone: a replay would only push out what others need.
 * @param bytesAtOnce about how much one call of `nextv` brings
 */
export function iterate(
  level: LevelHandle,
  range: Range,
  bytesAtOnce = readBytes,
): AbstractIterator<LevelHandle, Buffer, Buffer> {
  const options: AbstractIteratorOptions<Buffer, Buffer> & { highWaterMarkBytes: number; fillCache: boolean } = {
    ...range,
    highWaterMarkBytes: bytesAtOnce,
    fillCache: false,
  };
  return level.iterator(options) as AbstractIterator<LevelHandle, Buffer, Buffer>;
}

/** Give the room of what was deleted in a range back to the disk; a database in memory has none to give. */
export async function compact(level: LevelHandle, from: Buffer, to: Buffer): Promise<void> {
  const { compactRange } = level as LevelHandle & { compactRange?: (start: Buffer, end: Buffer) => Promise<void> };
  await compactRange?.call(level, from, to);
}

/** Every entry of a range, one after the other. */
export async function* entries(level: LevelHandle, range: Range): AsyncGenerator<[Buffer, Buffer]> {
  const iterator = iterate(level, range);
  try {
    for (;;) {
      const some = await iterator.nextv(1000);
      if (some.length === 0) return;
      yield* some;
    }
  } finally {
    await iterator.close();
  }
}

/** The first entry of a range; with `reverse` the last. */
export async function firstEntry(level: LevelHandle, range: Range): Promise<[Buffer, Buffer] | undefined> {
  for await (const entry of entries(level, { ...range, limit: 1 })) return entry;
  return undefined;
}

/** What LevelDB said, as a sentence a person can act on. */
export function openError(directory: string, error: unknown): StorageError {
  const reason = rootCause(error);
  if (reason.code === 'LEVEL_LOCKED') {
    return new StorageError('ERR_DIRECTORY_IN_USE', `another server has the data directory ${directory} open`, {
      cause: error,
    });
  }
  return new StorageError('ERR_STORAGE_OPEN', `cannot open the data directory ${directory}: ${reason.message}`, {
    cause: error,
  });
}

/** The innermost error: LevelDB's own words are there. */
export function rootCause(error: unknown): { code?: string; message: string } {
  let reason = error;
  while (reason instanceof Error && reason.cause !== undefined) reason = reason.cause;
  if (!(reason instanceof Error)) return { message: String(reason) };
  const { code } = reason as { code?: unknown };
  return typeof code === 'string' ? { code, message: reason.message } : { message: reason.message };
}

/** Whether it is LevelDB that failed: it, or what it came from, has one of its codes. Anything else is a bug. */
export function isLevelFailure(error: unknown): boolean {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    const { code } = reason as { code?: unknown };
    if (typeof code === 'string' && code.startsWith('LEVEL_')) return true;
  }
  return isCorruption(error);
}

/** Whether LevelDB could not make sense of a table. */
export function isCorruption(error: unknown): boolean {
  const { code, message } = rootCause(error);
  return code === 'LEVEL_CORRUPTION' || /corruption/i.test(message);
}
