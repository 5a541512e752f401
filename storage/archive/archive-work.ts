import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { StorageError } from '../errors.js';

/** What is used of the file system. */
export type ArchiveFiles = Pick<typeof fs, 'open' | 'rename' | 'rm' | 'mkdir' | 'stat' | 'statfs'>;

/** How long work on a session is done. */
export interface ArchiveWork {
  /** @defaultValue the real one */
  files?: ArchiveFiles;
  /** Files are not written when the disk has less than this left; @defaultValue 0 */
  reserveBytes?: number;
  /** Called between two stretches of about 256 KiB, to let others work; what it throws ends the work. */
  pause?: () => Promise<void>;
}

/** The file system of some work. */
export function filesOf({ files = fs }: ArchiveWork): ArchiveFiles {
  return files;
}

/** What the file system said, with a code. */
export function fileError(error: unknown, path: string): unknown {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof StorageError || syscall === undefined) return error;
  const cause = { cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StorageError('ERR_DISK_FULL', `no room for ${path}: ${message}`, cause);
  }
  if (code === 'ENOENT' && syscall === 'open') return new StorageError('ERR_NO_ARCHIVE', `there is no ${path}`, cause);
  return new StorageError('ERR_ARCHIVE_FAILED', `${path}: ${message}`, cause);
}

/** @throws StorageError `ERR_DISK_FULL` when the disk of a file has not room for so many bytes more */
export async function checkRoom(path: string, bytes: number, work: ArchiveWork): Promise<void> {
  const { reserveBytes = 0 } = work;
  const { bavail, bsize } = await filesOf(work).statfs(dirname(path));
  if (bavail * bsize - bytes >= reserveBytes) return;
  throw new StorageError(
    'ERR_DISK_FULL',
    `no room for ${path}: ${bavail * bsize} bytes are free, diskReserveBytes=${reserveBytes} must stay free`,
  );
}

/** Whether there is a file of that path. */
export async function isThere(path: string, work: ArchiveWork): Promise<boolean> {
  try {
    const file = await filesOf(work).open(path, 'r');
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fileError(error, path);
  }
}
