import type { DialectName } from '../dialects/dialect.js';
import type { Size } from '../scenarios/scenario.js';

/** A server that runs, fresh, in a process and a directory of its own. */
export interface RunningServer {
  port: number;
  pid: number;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** A server that takes part. */
export interface Contender {
  /** As the table names it. */
  name: string;
  /** What it has done with a message when it acknowledges it. */
  persists: string;
  dialect: DialectName;
  /** Its version; undefined when this machine does not have it. */
  version(): string | undefined;
  /** @param size of the run it is for: only those that come with something in them look at it */
  start(size: Size): Promise<RunningServer>;
}
