import { blockFirstSeq, blockLastSeq, sliceBlock } from '../../protocol/index.js';
import { StorageError } from '../errors.js';
import type { Log } from '../log.js';
import type { Page } from '../page.js';
import type { Store } from '../store.js';
import type { ArchiveWork } from './archive-work.js';

/**
 * All of a session in order, from 1 to the last number it has now, read from disk and verified. What cannot be read is
 * part of it as a loss.
 * @throws StorageError `ERR_SESSION_REMOVED`; `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
 */
export async function* readSession(store: Store, log: Log, { pause }: ArchiveWork): AsyncGenerator<Page> {
  const { lastSeq } = log;
  let next = log.firstSeq;
  refuseRemoved(log);
  if (next > 1) yield { blocks: [], lost: { from: 1, to: next - 1, reason: 'missing' }, next };
  while (next <= lastSeq) {
    await pause?.();
    const page = await store.keeping.read(log, next);
    refuseRemoved(log);
    yield exact(page, next, lastSeq);
    next = page.next;
  }
}

function refuseRemoved({ source, session, isRemoved }: Log): void {
  if (!isRemoved) return;
  throw new StorageError('ERR_SESSION_REMOVED', `session ${session} of ${source} was removed by retention`);
}

/** The page without what is in front of `from` and behind `to`. */
function exact({ blocks, lost, next }: Page, from: number, to: number): Page {
  const inside = blocks
    .filter((block) => blockLastSeq(block) >= from && blockFirstSeq(block) <= to)
    .map((block) => sliceBlock(block, Math.max(from, blockFirstSeq(block)), Math.min(to, blockLastSeq(block))));
  return { blocks: inside, next, ...(lost && { lost }) };
}
