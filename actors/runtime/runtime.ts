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
  /** How long a fork may take to stop; an in-memory actor, whose children may be forks, has twice as long. */
  readonly stopTimeoutMs: number;
  /** How forks are made; absent in a fork, which makes none. */
  readonly forking?: Forking;
}

/** What the process that makes forks knows about them. */
export interface Forking {
  /** The live ones. */
  readonly forks: Set<ForkProcess>;
  /** How long one may take from fork to the end of its `onStart`. */
  readonly startTimeoutMs: number;
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
