import type { SessionFindings } from '../catalogue.js';
import type { Log } from '../log.js';
import type { Store } from '../store.js';
import type { ArchiveWork } from './archive-work.js';
import { readSession } from './read-session.js';
import { SessionDigest } from './session-digest.js';

/**
 * Read all of a session from disk and tell what there is. Of an ended one it is put on record.
 * @throws StorageError `ERR_SESSION_REMOVED`; when the database cannot be read or written
 */
export async function checkSession(store: Store, log: Log, work: ArchiveWork = {}): Promise<SessionFindings> {
  const digest = new SessionDigest();
  for await (const part of readSession(store, log, work)) digest.add(part);
  const findings = digest.result();
  if (log.state === 'ended') await store.keeping.checked(log, findings);
  return findings;
}
