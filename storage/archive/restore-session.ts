import type { SessionSummary } from '../../protocol/index.js';
import { StorageError } from '../errors.js';
import type { Loss } from '../page.js';
import type { Restoring } from '../restoring.js';
import type { Store } from '../store.js';
import { type ArchiveIndex, partsOf } from './archive-index.js';
import { ArchiveReader } from './archive-reader.js';
import type { ArchiveWork } from './archive-work.js';
import { lossesOf, SessionDigest } from './session-digest.js';
import type { SessionPart } from './session-part.js';

/**
 * Bring an archived session back into a store, with a log and an epoch of its own. It is there when this resolves, whole;
 * whatever ends it earlier, nothing is.
 * @param options with `only`, the session that the archive must hold
 * @throws StorageError `ERR_SESSION_EXISTS`, `ERR_NO_ARCHIVE`, `ERR_NOT_AN_ARCHIVE`, `ERR_ARCHIVE_DAMAGED`,
 *   `ERR_ARCHIVE_FAILED`, `ERR_DISK_FULL`; when the database could not be written
 */
export async function restoreSession(
  store: Store,
  path: string,
  options: ArchiveWork & { only?: { source: string; session: string } } = {},
): Promise<SessionSummary> {
  const { only, ...work } = options;
  const reader = await ArchiveReader.open(path, work);
  try {
    const { index } = reader;
    if (only && (index.source !== only.source || index.session !== only.session)) {
      throw new StorageError(
        'ERR_NOT_AN_ARCHIVE',
        `${path} holds session ${index.session} of ${index.source}, expected ${only.session} of ${only.source}`,
      );
    }
    const restoring = await store.keeping.restore(archivedSession(index));
    try {
      await fill(restoring, reader, store);
      return await restoring.finish();
    } catch (error) {
      restoring.abandon();
      throw error;
    }
  } finally {
    await reader.close();
  }
}

async function fill(restoring: Restoring, reader: ArchiveReader, store: Store): Promise<void> {
  const { index, path } = reader;
  const known = new Set<unknown>(partsOf(index));
  const digest = new SessionDigest();
  for await (const part of reader.parts()) {
    if (part.lost && !known.has(part.lost)) throw damaged(path, part.lost);
    digest.add(part);
    await append(restoring, part, store);
  }
  const found = digest.result();
  if (found.digest === index.digest) return;
  throw new StorageError(
    'ERR_ARCHIVE_DAMAGED',
    `${path} is damaged: its payloads have sha256 ${found.digest}, expected ${index.digest}`,
  );
}

/** A disk that gets full is left to those who publish. */
async function append(restoring: Restoring, { blocks }: SessionPart, store: Store): Promise<void> {
  const refusal = store.unavailable();
  if (refusal) throw refusal;
  for (const block of blocks) await restoring.append(block);
}

function damaged(path: string, { from, to }: Loss): StorageError {
  return new StorageError(
    'ERR_ARCHIVE_DAMAGED',
    `${path} is damaged: messages ${from} to ${to} cannot be read from it`,
  );
}

function archivedSession(index: ArchiveIndex) {
  const { source, session, createdMs, endedMs, reason, lastSeq, bytes, digest, lost } = index;
  const findings = { bytes, digest, ...lossesOf(lost) };
  const discardReason = index.discarded === undefined ? undefined : (index.discardReason ?? reason);
  return { source, session, createdMs, endedMs, reason, discardReason, lastSeq, findings };
}
