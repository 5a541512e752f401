import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../errors.js';
import { type ArchiveWork, checkRoom, fileError, filesOf } from './archive-work.js';

/** Takes the bytes of a file, in order. */
export type FileSink = (bytes: Buffer) => Promise<void>;

/**
 * Write a file that is there whole, and on disk, or not at all. Until then it has another name in the same directory,
 * `.NAME.partial`; one that a crash has left is written over by the next attempt.
 * @param path replaced when there is one
 * @param fill writes the contents
 * @param check looks at what was written, under its provisional name; what it throws ends the attempt
 * @throws StorageError `ERR_DISK_FULL`, `ERR_ARCHIVE_FAILED`; nothing is left of the file then
 */
export async function writeWhole(
  path: string,
  work: ArchiveWork,
  fill: (sink: FileSink) => Promise<void>,
  check: (partial: string) => Promise<void> = async () => {},
): Promise<void> {
  const files = filesOf(work);
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  try {
    await refuseOther(path, work);
    await files.mkdir(dirname(path), { recursive: true });
    const file = await files.open(partial, 'w');
    try {
      await fill((bytes) => writeAll(file, bytes, path, work));
      await file.sync();
    } finally {
      await file.close();
    }
    await check(partial);
    await files.rename(partial, path);
    await syncDirectory(dirname(path), work);
  } catch (error) {
    await files.rm(partial, { force: true }).catch(() => {});
    throw fileError(error, path);
  }
}

/** Put in the place of a pipe or a device, a file would leave who reads that waiting, or the system without it. */
async function refuseOther(path: string, work: ArchiveWork): Promise<void> {
  const facts = await filesOf(work)
    .stat(path)
    .catch(() => undefined);
  if (!facts || facts.isFile()) return;
  throw new StorageError('ERR_ARCHIVE_FAILED', `${path} is no regular file: name one that is to be written`);
}

async function writeAll(file: FileHandle, bytes: Buffer, path: string, work: ArchiveWork): Promise<void> {
  await checkRoom(path, bytes.length, work);
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written)).bytesWritten;
  }
}

/** A new name is on disk when its directory is. */
async function syncDirectory(directory: string, work: ArchiveWork): Promise<void> {
  const handle = await filesOf(work).open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
