import { type Logger, pino } from 'pino';
import { Inbox } from './inbox.js';

/** A line of the server's log. */
export interface LogLine {
  level: number;
  msg?: string;
  code?: string;
  [field: string]: unknown;
}

/** pino's number for a warning; errors are above it. */
export const warning = 40;
export const failure = 50;

/** The log of a server under test. */
export class LogLines {
  readonly logger: Logger;
  /** Everything that was logged. */
  readonly all: LogLine[] = [];
  readonly #inbox = new Inbox<LogLine>();

  constructor() {
    const write = (text: string): void => {
      const line = JSON.parse(text) as LogLine;
      this.all.push(line);
      this.#inbox.push(line);
    };
    this.logger = pino({ level: 'info' }, { write });
  }

  /** The line that carries this code; each line is given out once. */
  withCode(code: string): Promise<LogLine> {
    return this.#inbox.take((line) => line.code === code, `a log line with ${code}`);
  }

  /** The line whose text holds this. */
  saying(text: string): Promise<LogLine> {
    return this.#inbox.take((line) => line.msg?.includes(text) === true, `a log line that says ${text}`);
  }

  /** Lines that say that the server itself failed. */
  get failures(): LogLine[] {
    return this.all.filter(({ level }) => level >= failure);
  }
}
