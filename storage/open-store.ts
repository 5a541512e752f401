import type { Durability } from '../protocol/index.js';
import { type CatalogueRow, catalogueWrite, readCatalogue } from './catalogue.js';
import { metaKey } from './keys.js';
import { isCorruption, type LevelHandle, type Operation, writeBatch } from './level.js';
import { Log } from './log.js';
import { type LogBounds, readLogBounds } from './log-bounds.js';
import { readReceiptsSeq, receiptsSeqWrite } from './receipt-book.js';
import type { SessionEntry } from './source-sessions.js';

/** Present from a clean close to the next open. */
const cleanKey = metaKey('clean');

/** Present while a store runs in which messages are not synced, and after it. */
const unsyncedKey = metaKey('unsynced');

/** What the start of a store needs to know. */
export interface StartOptions {
  durability: Durability;
  ringBytesMax: number;
  randomEpoch: () => string;
}

/**
 * Read the catalogue and the logs of a database that was just opened, and put on record that it is in use.
 *
 * After an unclean end below durability `disk` numbers that were given out may be missing, and would be given out again:
 * the active logs get a new epoch, so that nobody takes the new messages for the ones it knew.
 */
export async function startFrom(level: LevelHandle, options: StartOptions): Promise<SessionEntry[]> {
  const [clean, unsynced] = await level.getMany([cleanKey, unsyncedKey]);
  const rows = await readCatalogue(level);
  const operations: Operation[] = [{ type: 'del', key: cleanKey }];
  if (options.durability === 'os') operations.push({ type: 'put', key: unsyncedKey, value: Buffer.from('1') });
  else operations.push({ type: 'del', key: unsyncedKey });
  const sessions: SessionEntry[] = [];
  for (const [number, row] of rows) {
    if (unsynced && !clean && !row.ended) {
      row.epoch = options.randomEpoch();
      operations.push(catalogueWrite(number, row));
    }
    const receiptsSeq = await readReceiptsSeq(level, number);
    const log = await openLog(level, number, row, receiptsSeq, options.ringBytesMax);
    // It has become shorter: what takes the numbers that are gone has no receipts in rows.
    if (receiptsSeq > log.lastSeq) operations.push(receiptsSeqWrite(number, log.lastSeq));
    sessions.push({ row, log });
  }
  await writeBatch(level, operations, true);
  return sessions;
}

async function openLog(
  level: LevelHandle,
  number: number,
  row: CatalogueRow,
  receiptsSeq: number,
  ringBytesMax: number,
): Promise<Log> {
  if (row.removedMs !== undefined) return removedLog(number, row);
  const { firstSeq, lastSeq, timeMs } = await boundsOf(level, number, row);
  const { source, session, epoch } = row;
  const reachedSeq = Math.max(lastSeq, row.lastSeq);
  return new Log(
    {
      number,
      source,
      session,
      epoch,
      state: row.ended ? 'ended' : 'active',
      firstSeq: Math.max(firstSeq, row.trimmed?.firstSeq ?? 1),
      lastSeq: reachedSeq,
      isTrimmed: row.trimmed !== undefined,
      timeMs: Math.max(timeMs, row.trimmed?.atMs ?? 0),
      receiptsSeq: Math.min(reachedSeq, receiptsSeq),
    },
    ringBytesMax,
  );
}

/** There is nothing to be read of it: its blocks may not be deleted yet, but they are not its any more. */
function removedLog(number: number, { source, session, epoch, lastSeq }: CatalogueRow): Log {
  const facts = { number, source, session, epoch, state: 'ended', firstSeq: 1, lastSeq, timeMs: 0 } as const;
  const log = new Log({ ...facts, receiptsSeq: lastSeq }, 0);
  log.removed();
  return log;
}

/** The line of a log that has ended says how far it went: a damaged tail of it keeps no server from starting. */
async function boundsOf(level: LevelHandle, number: number, row: CatalogueRow): Promise<LogBounds> {
  try {
    return await readLogBounds(level, number);
  } catch (error) {
    if (!row.ended || !isCorruption(error)) throw error;
    return { firstSeq: 1, lastSeq: row.lastSeq, timeMs: 0 };
  }
}

/** The last batch of a clean close; the numbers each active log has reached go along. */
export function cleanMarker(sessions: Iterable<SessionEntry>): Operation[] {
  const operations: Operation[] = [{ type: 'put', key: cleanKey, value: Buffer.from('1') }];
  for (const { log, row } of sessions) {
    if (!row.ended) operations.push(catalogueWrite(log.number, { ...row, lastSeq: log.lastSeq }));
  }
  return operations;
}
