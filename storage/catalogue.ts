import type { SessionSummary } from '../protocol/index.js';
import { catalogueKey, KeyKind, kindRange, readCatalogueKey } from './keys.js';
import { entries, type LevelHandle, type Operation } from './level.js';
import type { Log } from './log.js';

/** A session's line in the catalogue, as it is stored under its log's number. */
export interface CatalogueRow {
  source: string;
  session: string;
  epoch: string;
  createdMs: number;
  /** Last number of the log when the line was written; what the log itself says counts where it is more. */
  lastSeq: number;
  /** Present when the session has ended. `discarded`: what it holds is not to be used; it is kept like any other. */
  ended?: { atMs: number; reason: string; discarded?: true };
}

/** The write that puts a line into the catalogue, or replaces it. */
export function catalogueWrite(log: number, row: CatalogueRow): Operation {
  return { type: 'put', key: catalogueKey(log), value: Buffer.from(JSON.stringify(row)) };
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

/**
 * The lines of logs with a higher number than this one.
 * @throws Error that names the log whose line is damaged
 */
export async function readCatalogueBehind(level: LevelHandle, log: number): Promise<[number, CatalogueRow][]> {
  const rows: [number, CatalogueRow][] = [];
  const { lt } = kindRange(KeyKind.CATALOGUE);
  for await (const [key, value] of entries(level, { gte: catalogueKey(log + 1), lt })) {
    rows.push([readCatalogueKey(key), readRow(readCatalogueKey(key), value)]);
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
  const { source, session, epoch, createdMs, ended } = row;
  return {
    source,
    session,
    log: log.number,
    epoch,
    state: ended ? 'ended' : 'active',
    firstSeq: log.firstSeq,
    lastSeq: log.lastSeq,
    createdMs,
    ...(ended && { endedMs: ended.atMs, reason: ended.reason }),
    ...(ended?.discarded && { discarded: true }),
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
