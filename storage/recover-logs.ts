import type { Logger } from 'pino';
import { type CatalogueRow, catalogueWrite, readCatalogueRow } from './catalogue.js';
import { type LevelHandle, type Operation, writeBatch } from './level.js';
import { readBlocksBehind, readLogBounds } from './log-bounds.js';
import type { Sessions } from './sessions.js';
import type { SessionEntry } from './source-sessions.js';

/** What a database says of an active log. */
interface Found {
  /** Blocks the log did not know were written. */
  blocks: Buffer[];
  /** Its line, when that says the session has ended. */
  ended: CatalogueRow | undefined;
}

/**
 * Compare each active log with a database that was opened again. The step returned lets the logs take in what they did
 * not know was written: blocks and the end of their session; and lets the catalogue take in sessions that were written. Take it when what
 * was in doubt has been settled.
 *
 * A log that has become shorter keeps its numbers, for they were given out: that is put on record, so that no later
 * start gives them out again, and readers are told that the messages are missing.
 */
export async function recoverLogs(level: LevelHandle, sessions: Sessions, logger: Logger): Promise<() => void> {
  const active = [...sessions.entries()].filter(({ log }) => log.state === 'active');
  const found: Found[] = [];
  const shorter: Operation[] = [];
  for (const { log, row } of active) {
    const blocks = await readBlocksBehind(level, log.number, log.lastSeq);
    const stored = await readCatalogueRow(level, log.number);
    found.push({ blocks, ended: stored?.ended && stored });
    const { lastSeq } = await readLogBounds(level, log.number);
    if (lastSeq >= log.lastSeq) continue;
    logger.error({ log: log.number, lastSeq: log.lastSeq, foundSeq: lastSeq }, 'messages of the log are gone');
    shorter.push(catalogueWrite(log.number, { ...(stored ?? row), lastSeq: log.lastSeq }));
  }
  const takeInSessions = await sessions.recover(level);
  if (shorter.length > 0) await writeBatch(level, shorter, true);
  return () => {
    active.forEach((entry, index) => {
      takeIn(entry, found[index]!);
    });
    takeInSessions();
  };
}

function takeIn(entry: SessionEntry, { blocks, ended }: Found): void {
  for (const block of blocks) entry.log.found(block);
  if (!ended) return;
  entry.row = ended;
  entry.log.ended();
}
