import { StorageError } from '../errors.js';
import type { Log } from '../log.js';
import type { Store } from '../store.js';
import type { ArchiveIndex } from './archive-index.js';
import { ArchiveReader } from './archive-reader.js';
import { type ArchiveWork, isThere } from './archive-work.js';
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
 * file, reads it, and changes nothing; unless it has become damaged, holds less than the session, or does not say that the
 * session was discarded meanwhile: then it is replaced.
 * @param path of the file; its directory is created when absent
 * @throws StorageError `ERR_SESSION_ACTIVE`, `ERR_SESSION_REMOVED`, `ERR_ARCHIVE_EXISTS`, `ERR_DISK_FULL`,
 *   `ERR_ARCHIVE_FAILED`, `ERR_ARCHIVE_DAMAGED` (what was written does not read back); no file is left then
 */
export async function archiveSession(store: Store, log: Log, path: string, work: ArchiveWork = {}): Promise<Archived> {
  if (log.state !== 'ended') {
    throw new StorageError('ERR_SESSION_ACTIVE', `session ${log.session} of ${log.source} is active; end it first`);
  }
  const lostMax = (await isThere(path, work)) ? await replaceableBy(store, log, path, work) : Number.POSITIVE_INFINITY;
  if (lostMax !== undefined) await writeArchive(store, log, path, work, lostMax);
  const reader = await ArchiveReader.open(path, work);
  await reader.close();
  await store.keeping.archived(log);
  return { path, fileBytes: reader.fileBytes, index: reader.index };
}

/** @param lostMax no file is written that has lost more messages than this */
async function writeArchive(store: Store, log: Log, path: string, work: ArchiveWork, lostMax: number): Promise<void> {
  const { source, session, epoch, createdMs, endedMs = 0, reason = '', lastSeq, ...rest } = store.summary(log);
  const mark = rest.discarded && ({ discarded: true, discardReason: rest.discardReason ?? reason } as const);
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
    async (partial) => {
      refusePoorer(index!, path, lostMax);
      await refuseUnreadable(partial, path, work);
    },
  );
  const { bytes, digest, lost } = index!;
  await store.keeping.checked(log, { bytes, digest, ...lossesOf(lost) });
}

function refusePoorer({ lost }: ArchiveIndex, path: string, lostMax: number): void {
  const count = lossesOf(lost).lost;
  if (count <= lostMax) return;
  const found = `${count} messages of the session cannot be read any more, and ${path} has lost ${lostMax}`;
  throw new StorageError('ERR_ARCHIVE_EXISTS', `${found}: it is kept as it is`);
}

async function refuseUnreadable(partial: string, path: string, work: ArchiveWork): Promise<void> {
  const { damage } = await verifyArchive(partial, work);
  if (damage.length === 0) return;
  const { from, to } = damage[0]!;
  throw new StorageError('ERR_ARCHIVE_DAMAGED', `${path} does not read back as it was written: [${from}..${to}]`);
}

/**
 * Whether an archive of this session is to be replaced: it is damaged, has lost what the session has not, or does not say
 * that the session was discarded.
 * @returns how many lost messages another one may have; `undefined`: it is good as it is
 * @throws StorageError `ERR_ARCHIVE_EXISTS`, `ERR_NOT_AN_ARCHIVE`: the file is something else, and is not touched
 */
async function replaceableBy(store: Store, log: Log, path: string, work: ArchiveWork): Promise<number | undefined> {
  const { index, damage } = await verifyArchive(path, work);
  refuseOther(store, log, path, index);
  if (damage.length > 0) return Number.POSITIVE_INFINITY;
  const archived = lossesOf(index.lost).lost;
  const { lost = 0, discarded = false } = store.summary(log);
  const isUnmarked = discarded && index.discarded === undefined;
  return (archived > 0 && lost === 0) || (isUnmarked && lost <= archived) ? archived : undefined;
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
