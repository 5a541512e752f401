import type { SessionSummary } from '../protocol/index.js';
import { catalogueKey, KeyKind, kindRange, readCatalogueKey } from './keys.js';
import { entries, type LevelHandle, type Operation } from './level.js';
import type { Log } from './log.js';
import type { Loss } from './page.js';

/** What reading all of a session has found. */
export interface SessionFindings {
  /** Of its blocks. */
  bytes: number;
  /** As {@link SessionDigest} defines it, over the messages that could be read. */
  digest: string;
  /** Messages that could not be read. */
  lost: number;
  /** Where they are: the first ranges of them. */
  losses: Loss[];
}

/** What a session's line says of its contents. */
export interface SessionCheck extends Omit<SessionFindings, 'digest'> {
  /** Milliseconds since 1970 at which it was read last; 0: it comes from an archive, and was not read since. */
  atMs: number;
  /** That of the whole session: absent when it has not been whole at any reading. */
  digest?: string;
}

/** A session's line in the catalogue, as it is stored under its log's number. */
export interface CatalogueRow {
  source: string;
  session: string;
  epoch: string;
  /** Of a relayed session: the epoch it has on the server it is relayed from. */
  upstreamEpoch?: string;
  createdMs: number;
  /** Last number of the log when the line was written; what the log itself says counts where it is more. */
  lastSeq: number;
  /** First number that is kept, when what was in front of it was trimmed, and when that was. */
  trimmed?: { firstSeq: number; atMs: number };
  /** Present when the session has ended. */
  ended?: Occasion;
  /** Present when what it holds is not to be used; it is kept like any other. */
  discarded?: Occasion;
  /** Present when all of it was read after its end. */
  checked?: SessionCheck;
  /** When it was archived. */
  archivedMs?: number;
  /** When it was restored from an archive; absent for a session this store has seen happen. */
  restoredMs?: number;
  /** Where it stands among its source's sessions; absent: in the place of its own log. */
  place?: SessionPlace;
  /** When it was removed: the line is what is left of it. */
  removedMs?: number;
}

/**
 * A place in the order of a source's sessions, which is that of the numbers of their logs: the place of the session of a
 * log, or one in front of it. Times do not tell the order: two may be the same, and clocks are put back.
 */
export type SessionPlace = { of: number } | { inFrontOf: number };

/** When something was done with a session, and why. */
export interface Occasion {
  atMs: number;
  reason: string;
}

/** The write that puts a line into the catalogue, or replaces it. */
export function catalogueWrite(log: number, row: CatalogueRow): Operation {
  return { type: 'put', key: catalogueKey(log), value: Buffer.from(JSON.stringify(row)) };
}

/** The write that takes a line out of the catalogue. */
export function catalogueDeletion(log: number): Operation {
  return { type: 'del', key: catalogueKey(log) };
}

/**
 * The whole catalogue by number of the log, oldest first.
 * @throws Error that names the log whose line is damaged
 */
export async function readCatalogue(level: LevelHandle): Promise<Map<number, CatalogueRow>> {
  const rows = new Map<number, CatalogueRow>();
  for await (const [key, value] of entries(level, kindRange(KeyKind.CATALOGUE))) {
    rows.set(readCatalogueKey(key), readRow(readCatalogueKey(key), value));
  }
  return rows;
}

/** The line of one log; `undefined` when there is none, or when it is damaged. */
export async function readCatalogueRow(level: LevelHandle, log: number): Promise<CatalogueRow | undefined> {
  const value = await level.get(catalogueKey(log));
  try {
    return value && readRow(log, value);
  } catch {
    return undefined;
  }
}

/**
 * A line of the catalogue as clients see it.
 * @param next name of the source's session behind it; `undefined` when there is none
 */
export function summarize(
  log: Pick<Log, 'number' | 'firstSeq' | 'lastSeq'>,
  row: CatalogueRow,
  next: string | undefined,
): SessionSummary {
  const { source, session, epoch, upstreamEpoch, createdMs, ended, discarded, checked } = row;
  const { archivedMs, restoredMs, removedMs } = row;
  return {
    source,
    session,
    log: log.number,
    epoch,
    ...(upstreamEpoch !== undefined && { upstreamEpoch }),
    state: ended ? 'ended' : 'active',
    firstSeq: log.firstSeq,
    lastSeq: log.lastSeq,
    createdMs,
    ...(ended && { endedMs: ended.atMs, reason: ended.reason }),
    ...(checked && { bytes: checked.bytes, lost: checked.lost }),
    ...(checked?.digest !== undefined && { digest: checked.digest }),
    ...(checked?.atMs && { checkedMs: checked.atMs }),
    ...(archivedMs !== undefined && { archivedMs }),
    ...(restoredMs !== undefined && { restoredMs }),
    ...(removedMs !== undefined && { removedMs }),
    ...(discarded && { discarded: true, discardReason: discarded.reason }),
    ...(next !== undefined && { next }),
  };
}

function readRow(log: number, value: Buffer): CatalogueRow {
  try {
    return JSON.parse(value.toString()) as CatalogueRow;
  } catch {
    throw new Error(`the line of log ${log} in the catalogue is damaged`);
  }
}
