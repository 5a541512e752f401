import type { Readable, Writable } from 'node:stream';
import type { Interruption } from './interruption.js';

/** A standard stream that is written to. */
export interface TerminalStream extends Writable {
  isTTY?: boolean;
  columns?: number;
}

/** What a command has around it; tests give their own. */
export interface Terminal extends Interruption {
  stdin: Readable & { isTTY?: boolean };
  /** Results. */
  stdout: TerminalStream;
  /** Everything else: log, progress, what went wrong. */
  stderr: TerminalStream;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
}
