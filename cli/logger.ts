import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from './settings.js';

/** The part of a standard stream a log needs. */
export interface LogTarget {
  fd: number;
  isTTY?: boolean | undefined;
}

/**
 * A log on a standard stream: a line of JSON per entry, or coloured text when the stream is a terminal. Entries are
 * written at once, so that the last one before a crash is never missing.
 * @param target stderr in the command: stdout is for results
 */
export function createLogger(level: LogLevel, target: LogTarget): Logger {
  if (target.isTTY !== true) return pino({ level }, pino.destination({ dest: target.fd, sync: true }));
  const stream = pretty({
    destination: target.fd,
    sync: true,
    colorize: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
  return pino({ level }, stream);
}
