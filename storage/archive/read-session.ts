import { splitBlocks } from '../../protocol/index.js';
import { StorageError } from '../errors.js';
import type { Log } from '../log.js';
import type { Page } from '../page.js';
import type { Store } from '../store.js';
import { cutStretch } from '../stretch.js';
import type { ArchiveWork } from './archive-work.js';
import type { SessionPart } from './session-part.js';

/**
 * All of a session in order, from 1 to the last number it has now, read from disk and verified. What cannot be read is
 * part of it as a loss.
 * @throws StorageError `ERR_SESSION_REMOVED`; `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
 */
export async function* readSession(store: Store, log: Log, { pause }: ArchiveWork): AsyncGenerator<SessionPart> {
  const { lastSeq } = log;
  let next = log.firstSeq;
  refuseRemoved(log);
  if (next > 1) yield { blocks: [], lost: { from: 1, to: next - 1, reason: 'missing' } };
  while (next <= lastSeq) {
    await pause?.();
    const page = await store.keeping.read(log, next);
    refuseRemoved(log);
    yield partOf(page, next, lastSeq);
    next = page.next;
  }
}

function refuseRemoved({ source, session, isRemoved }: Log): void {
  if (!isRemoved) return;
  throw new StorageError('ERR_SESSION_REMOVED', `session ${session} of ${source} was removed by retention`);
}

/** What of a page holds [from..to]. */
function partOf({ stretches, lost }: Page, from: number, to: number): SessionPart {
  const blocks = stretches
    .filter(({ firstSeq, lastSeq }) => lastSeq >= from && firstSeq <= to)
    .flatMap((stretch) => cutStretch(stretch, Math.max(from, stretch.firstSeq), Math.min(to, stretch.lastSeq)))
    .flatMap((bytes) => splitBlocks(bytes).blocks);
  return { blocks, ...(lost && { lost }) };
}
