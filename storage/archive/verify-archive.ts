import type { Loss } from '../page.js';
import { type ArchiveIndex, partsOf } from './archive-index.js';
import { ArchiveReader } from './archive-reader.js';
import type { ArchiveWork } from './archive-work.js';
import { SessionDigest } from './session-digest.js';

/** What reading all of an archive has found. */
export interface ArchiveVerification {
  index: ArchiveIndex;
  fileBytes: number;
  /** Messages the index promises and the file does not hold any more; empty when the archive is as it was written. */
  damage: Loss[];
}

/**
 * Read all of an archive and compare it with its index.
 * @throws StorageError `ERR_NO_ARCHIVE`, `ERR_NOT_AN_ARCHIVE` (its end is damaged too), `ERR_ARCHIVE_FAILED`
 */
export async function verifyArchive(path: string, work: ArchiveWork = {}): Promise<ArchiveVerification> {
  const reader = await ArchiveReader.open(path, work);
  try {
    const { index, fileBytes } = reader;
    const digest = new SessionDigest();
    const known = new Set<unknown>(partsOf(index));
    const damage: Loss[] = [];
    for await (const part of reader.parts()) {
      digest.add(part);
      if (part.lost && !known.has(part.lost)) damage.push(part.lost);
    }
    const found = digest.result();
    const agrees = found.digest === index.digest && digest.messages === index.messages && found.bytes === index.bytes;
    if (damage.length === 0 && !agrees) damage.push({ from: 1, to: index.lastSeq, reason: 'corrupt' });
    return { index, fileBytes, damage };
  } finally {
    await reader.close();
  }
}
