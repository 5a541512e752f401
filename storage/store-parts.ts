import { mkdir } from 'node:fs/promises';
import { Background } from './background.js';
import { Committer } from './committer.js';
import { Database } from './database.js';
import { GroupKeeping } from './group-keeping.js';
import { openError } from './level.js';
import { startFrom } from './open-store.js';
import { readOrphans } from './orphans.js';
import { PageReader } from './page-reader.js';
import { ReadSlots } from './read-slots.js';
import { ReceiptBook } from './receipt-book.js';
import { SessionKeeping } from './session-keeping.js';
import { SessionLines } from './session-lines.js';
import { SessionStarts } from './session-starts.js';
import { Sessions } from './sessions.js';
import type { SessionEntry } from './source-sessions.js';
import { SpaceGuard } from './space-guard.js';
import type { StoreOptions } from './store-options.js';
import { realAlarm } from './wait.js';

/** More readers at a time only slow the commits down. */
const readsInFlightMax = 2;

/** What an open store is made of. */
export interface StoreParts {
  database: Database;
  guard: SpaceGuard;
  committer: Committer;
  sessions: Sessions;
  starts: SessionStarts;
  pages: PageReader;
  receipts: ReceiptBook;
  background: Background;
  keeping: SessionKeeping;
  groups: GroupKeeping;
}

/**
 * Open, or create, the database of a directory, and make everything that works on it.
 * @throws StorageError `ERR_DIRECTORY_IN_USE`, `ERR_STORAGE_OPEN`
 */
export async function openParts(options: Required<StoreOptions>): Promise<StoreParts> {
  const { directory, clock, logger, backoffMs, wait, freeBytes, diskReserveBytes: reserveBytes } = options;
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw openError(directory, error);
  }
  const database = await Database.open({ directory, openLevel: options.openLevel, backoffMs, wait, logger });
  try {
    const entries = await startFrom(database.level!, options);
    const receipts = new ReceiptBook(clock, logger);
    const kept = entries.map(({ log }) => log).filter(({ isRemoved }) => !isRemoved);
    const takeInReceipts = await receipts.find(database.level!, kept, (log) => log.receiptsSeq);
    takeInReceipts();
    const guard = await SpaceGuard.start({ directory, reserveBytes, freeBytes, clock, logger });
    return makeParts(options, { database, guard, receipts }, entries, await readOrphans(database.level!));
  } catch (error) {
    await database.close();
    throw openError(directory, error);
  }
}

function makeParts(
  options: Required<StoreOptions>,
  base: Pick<StoreParts, 'database' | 'guard' | 'receipts'>,
  entries: readonly SessionEntry[],
  logsOfNobody: readonly number[],
): StoreParts {
  const { database, guard, receipts } = base;
  const committer = new Committer({ ...options, database, guard });
  const sessions = new Sessions(options.clock, entries, Math.max(0, ...logsOfNobody));
  const starts = new SessionStarts({ ...options, committer, sessions });
  const slots = new ReadSlots(readsInFlightMax);
  const pages = new PageReader(database, slots, options.pageCacheBytesMax, realAlarm);
  const background = new Background(options, {
    database,
    committer,
    receipts,
    slots,
    compact: (from, to) => pages.compact(from, to),
    unavailable: () => database.unavailable() ?? guard.refusal(),
    logs: () => sessions.logs(),
    orphans: logsOfNobody,
  });
  const keeping = new SessionKeeping({
    ...options,
    committer,
    sessions,
    lines: new SessionLines({ committer, sessions }),
    pages,
    orphans: background.orphans,
    saveReceipts: () => background.saveReceipts(),
  });
  const groups = new GroupKeeping({ ...options, database, committer, sessions, slots, trimmer: background.trimmer });
  return { ...base, committer, sessions, starts, pages, background, keeping, groups };
}
