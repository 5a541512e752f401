import type { Logger } from 'pino';
import { catalogueWrite } from './catalogue.js';
import { type LevelHandle, type Operation, writeBatch } from './level.js';
import { readBlocksBehind, readLogBounds } from './log-bounds.js';
import type { SessionEntry } from './sessions.js';

/**
 * Compare each active log with a database that was opened again. The step returned lets the logs take in blocks they
 * did not know were written; take it when what was in doubt has been settled.
 *
 * A log that has become shorter keeps its numbers, for they were given out: that is put on record, so that no later
 * start gives them out again, and readers are told that the messages are missing.
 */
export async function recoverLogs(
  level: LevelHandle,
  sessions: readonly SessionEntry[],
  logger: Logger,
): Promise<() => void> {
  const active = sessions.filter(({ log }) => log.state === 'active');
  const found: Buffer[][] = [];
  const shorter: Operation[] = [];
  for (const { log, row } of active) {
    found.push(await readBlocksBehind(level, log.number, log.lastSeq));
    const { lastSeq } = await readLogBounds(level, log.number);
    if (lastSeq >= log.lastSeq) continue;
    logger.error({ log: log.number, lastSeq: log.lastSeq, foundSeq: lastSeq }, 'messages of the log are gone');
    shorter.push(catalogueWrite(log.number, { ...row, lastSeq: log.lastSeq }));
  }
  if (shorter.length > 0) await writeBatch(level, shorter, true);
  return () => {
    active.forEach(({ log }, index) => {
      for (const block of found[index]!) log.found(block);
    });
  };
}
