import type { ChildProcess } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { createSystem } from 'comedy';
import type { Logger } from 'pino';

/** What comedy calls in a definition of ours. */
export interface ComedyDefinition {
  initialize?(self: ComedyActor): void | Promise<void>;
  destroy?(): void | Promise<void>;
}

/** comedy's promises (Bluebird), seen through the one method that is used of them. */
export interface ComedyPromise<Value> {
  then(resolve: (value: Value) => void, reject: (error: unknown) => void): unknown;
}

/** comedy's reference to a child. */
export interface ComedyProxy {
  sendAndReceive(topic: string, message: object): ComedyPromise<unknown>;
  destroy(): ComedyPromise<void>;
}

/** An actor of comedy as it sees itself. */
export interface ComedyActor {
  createChild(definition: ComedyDefinition | string, config: object): ComedyPromise<ComedyProxy>;
  getSystem(): ComedySystem;
  /** The children, as they were created. */
  childPromises: ComedyPromise<ComedyProxy>[];
}

/** The parent's side of a forked actor; internal to comedy, read in its source at version 2.1.7. */
export interface ComedyForkParent extends EventEmitter {
  name: string;
  system: ComedySystem;
  /** Path of the module it runs. */
  definition: string;
  additionalOptions: { customParameters?: object };
  workerProcess?: ChildProcess;
  timeoutWorkerInterval: NodeJS.Timeout;
  /** Who waits for answers of the fork, by the number of the message. */
  responsePromises: Record<string, { resolve(answer: unknown): void }>;
  exitHandler: () => void;
  _createForkedWorker: () => Promise<void>;
  _setBus(worker: ChildProcess): void;
  _setState(state: string): void;
  sendAndReceive(topic: string, message: object): ComedyPromise<unknown>;
  destroy(): unknown;
}

interface ComedyLog {
  setLevel(level: number): void;
  setImplementation(implementation: Record<'error' | 'warn' | 'info' | 'debug', (...parts: unknown[]) => void>): void;
}

/** A system of comedy. */
export interface ComedySystem {
  rootActor(): ComedyPromise<ComedyActor>;
  destroy(): ComedyPromise<void>;
  generateActorCreationMessage(definition: string, actor: object, config: object): ComedyPromise<{ type: string }>;
  getLog(): ComedyLog;
  bus: {
    addForkedRecipient(actor: ComedyForkParent): void;
    removeForkedRecipient(actor: ComedyForkParent): void;
  };
  sigintHandler: () => void;
  sigtermHandler: () => void;
}

/**
 * comedy's ping of the parent is not needed (a fork ends when its channel does) and would end the forks of a process
 * that was suspended for a while; the longest delay a timer can have switches it off. Milliseconds.
 */
const pingTimeoutMs = 2 ** 31 - 1;

/** Start comedy with no files read or watched, no signal handlers, and nothing on stdout. */
export function startComedy(logger: Logger): ComedySystem {
  // `test` only makes it silent from its first line on, in forks too.
  const system = createSystem({ config: {}, test: true, pingTimeout: pingTimeoutMs }) as unknown as ComedySystem;
  tameComedy(system, logger);
  return system;
}

/** Take comedy's signal handlers off this process (they exit at once) and send its log to ours. */
export function tameComedy(system: ComedySystem, logger: Logger): void {
  process.removeListener('SIGINT', system.sigintHandler);
  process.removeListener('SIGTERM', system.sigtermHandler);
  if (!logger.isLevelEnabled('debug')) return;
  const write = (...parts: unknown[]): void => logger.debug({ from: 'comedy' }, parts.map(String).join(' '));
  system.getLog().setImplementation({ error: write, warn: write, info: write, debug: write });
  const levelInfo = 4;
  system.getLog().setLevel(levelInfo);
}

/**
 * A native promise of comedy's. Handlers are attached in the same turn: Bluebird would otherwise report a rejection as
 * unhandled although it is caught a moment later.
 */
export function settled<Value>(promise: ComedyPromise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
  });
}
