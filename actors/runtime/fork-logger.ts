import { type Logger, pino } from 'pino';
import { aside, type LogMessage } from './fork-messages.js';

/** Lines that may be on their way to the parent; further ones are dropped, since the parent does not read. */
const linesMax = 1_000;

/** The logger of a forked process: its lines travel to the parent, whose logger writes them. */
export function forkLogger(level: string): Logger {
  let underWay = 0;
  const sent = (): void => {
    underWay--;
  };
  const write = (line: string): void => {
    if (underWay >= linesMax || !process.connected) return;
    underWay++;
    process.send?.({ ...aside, type: 'latecomer-log', line } satisfies LogMessage, sent);
  };
  return pino({ level, base: null }, { write });
}

/** Write a line of a fork's log with the logger of its parent. */
export function writeForkLine(logger: Logger, fork: { actor: string; forkPid: number }, line: string): void {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const label = logger.levels.labels[Number(level)] ?? 'info';
  logger[label as 'info']({ ...fork, ...fields }, typeof msg === 'string' ? msg : '');
}
