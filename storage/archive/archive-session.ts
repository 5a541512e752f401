import { StorageError } from '../errors.js';
import type { Log } from '../log.js';
import type { Store } from '../store.js';
import type { ArchiveIndex } from './archive-index.js';
import { ArchiveReader } from './archive-reader.js';
import { type ArchiveWork, fileError, filesOf } from './archive-work.js';
import { type ArchiveFacts, ArchiveWriter } from './archive-writer.js';
import { writeWhole } from './atomic-file.js';
import { readSession } from './read-session.js';
import { lossesOf } from './session-digest.js';
import { verifyArchive } from './verify-archive.js';

/** An archive that is on disk. */
export interface Archived {
  path: string;
  fileBytes: number;
  index: ArchiveIndex;
}

/**
 * Write an ended session to a file, read the file back, and put on record that it is archived. Doing it again finds the
 * file, reads it, and changes nothing; unless it has become damaged, or holds less than the session: then it is replaced.
 * @param path of the file; its directory is created when absent
 * @throws StorageError `ERR_SESSION_ACTIVE`, `ERR_SESSION_REMOVED`, `ERR_ARCHIVE_EXISTS`, `ERR_DISK_FULL`,
 *   `ERR_ARCHIVE_FAILED`, `ERR_ARCHIVE_DAMAGED` (what was written does not read back); no file is left then
 */
export async function archiveSession(store: Store, log: Log, path: string, work: ArchiveWork = {}): Promise<Archived> {
  if (log.state !== 'ended') {
    throw new StorageError('ERR_SESSION_ACTIVE', `session ${log.session} of ${log.source} is active; end it first`);
  }
  if (!(await isThere(path, work)) || (await isPoorer(store, log, path, work))) {
    await writeArchive(store, log, path, work);
  }
  const reader = await ArchiveReader.open(path, work);
  await reader.close();
  await store.keeping.archived(log);
  return { path, fileBytes: reader.fileBytes, index: reader.index };
}

async function writeArchive(store: Store, log: Log, path: string, work: ArchiveWork): Promise<void> {
  const { source, session, epoch, createdMs, endedMs = 0, reason = '', discarded, lastSeq } = store.summary(log);
  const mark = discarded && ({ discarded } as const);
  const facts: ArchiveFacts = { source, session, epoch, createdMs, endedMs, reason, ...mark, lastSeq };
  let index: ArchiveIndex | undefined;
  await writeWhole(
    path,
    work,
    async (sink) => {
      const writer = new ArchiveWriter(sink);
      for await (const part of readSession(store, log, work)) await writer.add(part);
      index = await writer.finish(facts);
    },
    (partial) => refuseUnreadable(partial, path, work),
  );
  const { bytes, digest, lost } = index!;
  await store.keeping.checked(log, { bytes, digest, ...lossesOf(lost) });
}

async function refuseUnreadable(partial: string, path: string, work: ArchiveWork): Promise<void> {
  const { damage } = await verifyArchive(partial, work);
  if (damage.length === 0) return;
  const { from, to } = damage[0]!;
  throw new StorageError('ERR_ARCHIVE_DAMAGED', `${path} does not read back as it was written: [${from}..${to}]`);
}

/**
 * Whether an archive of this session is worth less than the session itself.
 * @throws StorageError `ERR_ARCHIVE_EXISTS`, `ERR_NOT_AN_ARCHIVE`: the file is something else, and is not touched
 */
async function isPoorer(store: Store, log: Log, path: string, work: ArchiveWork): Promise<boolean> {
  const { index, damage } = await verifyArchive(path, work);
  refuseOther(store, log, path, index);
  return damage.length > 0 || (index.lost.length > 0 && store.summary(log).lost === 0);
}

/** A file of that name must be of this session; a restored one has another epoch. */
function refuseOther(store: Store, log: Log, path: string, index: ArchiveIndex): void {
  const { digest = index.digest, lost } = store.summary(log);
  const sameSession = index.source === log.source && index.session === log.session && index.lastSeq === log.lastSeq;
  // A damaged session cannot be compared with what it was.
  if (sameSession && (lost || index.lost.length > 0 || index.digest === digest)) return;
  throw new StorageError(
    'ERR_ARCHIVE_EXISTS',
    `${path} holds another session: ${index.session} of ${index.source}, 1 to ${index.lastSeq}, sha256 ${index.digest}; ` +
      `move it away to archive session ${log.session} of ${log.source}, 1 to ${log.lastSeq}, sha256 ${digest}`,
  );
}

async function isThere(path: string, work: ArchiveWork): Promise<boolean> {
  try {
    const file = await filesOf(work).open(path, 'r');
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fileError(error, path);
  }
}
