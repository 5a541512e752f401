import type { Logger } from 'pino';
import type { ForkProcess } from './fork-process.js';

/** Where a programmer error came up. */
export interface FatalContext {
  actor: string;
  /** The topic, or the hook (`onStop`, `onSocket`). */
  topic: string;
}

/** What every actor of one process shares. */
export interface Runtime {
  readonly logger: Logger;
  /** Called with an error that nobody else will hear of. */
  readonly onFatal: (error: Error, context: FatalContext) => void;
  /** How long an actor may take to stop. */
  readonly stopTimeoutMs: number;
  /** How long a forked actor may take from fork to the end of its `onStart`. */
  readonly startTimeoutMs: number;
  /** The live forks; `undefined` in a fork, which makes none. */
  readonly forks: Set<ForkProcess> | undefined;
}

/** Exit code of a process that met a programmer error (EX_SOFTWARE). */
export const fatalExitCode = 70;

/** Log a programmer error and end the process: what state it left behind nobody knows. */
export function exitOnFatal(logger: Logger): Runtime['onFatal'] {
  return (error, context) => {
    logger.fatal({ err: error, ...context }, `${context.actor} failed in '${context.topic}': ${error.message}`);
    process.exit(fatalExitCode);
  };
}
