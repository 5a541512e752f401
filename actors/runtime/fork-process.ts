import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { type ComedyForkParent, type ComedySystem, settled } from './comedy.js';
import { settlesWithin } from './deadline.js';
import { ActorError } from './errors.js';
import { writeForkLine } from './fork-logger.js';
import { isSideMessage } from './fork-messages.js';
import type { Exit } from './ref.js';
import type { Runtime } from './runtime.js';
import { SocketsUnderWay } from './sockets-under-way.js';
import { startWorker } from './worker.js';

/** How long a killed process may take to disappear. */
const killTimeoutMs = 2_000;

/**
 * The process of one forked actor: starts it in comedy's place, notices its end in every phase, and leaves nothing of it
 * behind. (comedy itself waits for ever for a fork that dies before it is ready, and keeps a timer and listeners of a
 * dead one.) An instance is also the `customParameters` comedy is given, which is how {@link adoptForks} knows its own.
 */
export class ForkProcess {
  readonly #runtime: Runtime;
  readonly #name: string;
  readonly #sockets = new SocketsUnderWay();
  readonly #exited: Promise<Exit>;
  #actor: ComedyForkParent | undefined;
  #worker: ChildProcess | undefined;
  #created = false;
  #stopping: Promise<void> | undefined;
  #stopComedy: () => unknown = () => {};
  #leave: (exit: Exit) => void = () => {};
  #exit: Exit | undefined;

  constructor(runtime: Runtime, name: string) {
    this.#runtime = runtime;
    this.#name = name;
    this.#exited = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Resolves when the process has ended and is forgotten. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Whether comedy has made the actor. */
  get adopted(): boolean {
    return this.#actor !== undefined;
  }

  /** Whether messages can still reach it. */
  get reachable(): boolean {
    return this.#exit === undefined && this.#stopping === undefined;
  }

  /** @throws Error before the process was started */
  get pid(): number {
    if (this.#worker?.pid === undefined) throw new Error(`${this.#name} has no process`);
    return this.#worker.pid;
  }

  /** Take over the start, the stop and the end of an actor comedy has just made. */
  adopt(actor: ComedyForkParent, system: ComedySystem): void {
    this.#actor = actor;
    // comedy's exit listener sends SIGTERM, which a fork ignores; the system kills its forks itself.
    process.removeListener('exit', actor.exitHandler);
    this.#stopComedy = actor.destroy.bind(actor);
    actor.destroy = () => this.stop();
    actor._createForkedWorker = () => this.#start(actor, system);
  }

  /** Stop it, or kill it when it does not within the deadline. Never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** End it at once, whatever state it is in. Never rejects. */
  async kill(): Promise<void> {
    this.#stopping ??= Promise.resolve();
    this.killNow();
    await settlesWithin(this.#exited, killTimeoutMs);
  }

  /** Send SIGKILL and do not wait. */
  killNow(): void {
    if (!this.#worker?.kill('SIGKILL') && this.#worker?.pid === undefined) this.#gone(null, null);
  }

  /** See `Ref.sendSocket`. */
  sendSocket(socket: Socket, meta: object): boolean {
    return this.reachable && this.#worker?.connected === true && this.#sockets.send(this.#worker, socket, meta);
  }

  async #start(actor: ComedyForkParent, system: ComedySystem): Promise<void> {
    if (this.#stopping) throw this.#failed('it was stopped before it had started');
    const worker = startWorker(this.#name);
    this.#worker = worker;
    actor.workerProcess = worker;
    this.#runtime.forking?.forks.add(this);
    const ended = new Promise<never>((_, reject) => {
      worker.once('exit', (code, signal) => {
        reject(this.#failed(`its process ended with ${signal ?? `code ${code}`} before it was ready`));
        this.#gone(code, signal);
      });
      worker.on('error', (error) => {
        reject(this.#failed(error.message, error));
        if (worker.pid === undefined) this.#gone(null, null);
        else this.#runtime.logger.warn({ err: error, actor: this.#name }, `process of ${this.#name}: ${error.message}`);
      });
    });
    await Promise.race([ended, this.#create(worker, actor, system)]);
    actor._setBus(worker);
    this.#created = true;
    this.#listen(worker);
  }

  async #create(worker: ChildProcess, actor: ComedyForkParent, system: ComedySystem): Promise<void> {
    const config = { mode: 'forked', name: this.#name, customParameters: {} };
    const message = await settled(system.generateActorCreationMessage(actor.definition, actor, config));
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (answer: { type?: string; error?: string }) => {
        if (answer.type === 'actor-created') resolve();
        else reject(this.#failed(answer.error ?? 'comedy did not create it'));
      });
      worker.send(message, (error) => {
        if (error) reject(this.#failed(error.message, error));
      });
    });
  }

  #listen(worker: ChildProcess): void {
    const { logger } = this.#runtime;
    const source = { actor: this.#name, forkPid: this.pid };
    const listen = (): void => {
      worker.on('message', (message) => {
        if (isSideMessage(message, 'latecomer-log')) writeForkLine(logger, source, message.line);
        if (isSideMessage(message, 'latecomer-socket-taken')) this.#sockets.taken(message.number);
      });
    };
    listen();
    // The exit may be noticed before the last lines are read, and comedy removes all listeners then.
    worker.once('exit', listen);
  }

  async #stop(): Promise<void> {
    const actor = this.#actor;
    if (!actor || !this.#worker) {
      this.#gone(null, null);
      return;
    }
    if (!this.#created) {
      // It is no actor yet, so there is nothing to end well.
      await this.kill();
      return;
    }
    const { stopTimeoutMs, logger } = this.#runtime;
    // comedy's stop overtakes messages; the answer to this one says that all earlier ones have been handed out. How either
    // of them fails does not matter: the end of the process does.
    settled(actor.sendAndReceive('finish', {})).then(this.#stopComedy, this.#stopComedy).then(nothing, nothing);
    if (await settlesWithin(this.#exited, stopTimeoutMs)) return;
    logger.warn({ actor: this.#name, pid: this.pid }, `${this.#name} did not stop within ${stopTimeoutMs} ms, killed`);
    await this.kill();
  }

  #gone(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#exit) return;
    this.#exit = { code, signal, expected: this.#stopping !== undefined };
    this.#runtime.forking?.forks.delete(this);
    this.#sockets.destroy();
    this.#reap();
    this.#leave(this.#exit);
  }

  /** Undo what comedy leaves of a dead fork: pending answers, a timer, a bus recipient, a child of its parent. */
  #reap(): void {
    const actor = this.#actor;
    if (!actor) return;
    // comedy rejects them, which nobody hears while the message is still on its way into the pipe. No answer of a fork is
    // `undefined`, so this says that there will be none.
    for (const pending of Object.values(actor.responsePromises)) pending.resolve(undefined);
    actor.responsePromises = {};
    actor._setState('crashed');
    clearInterval(actor.timeoutWorkerInterval);
    actor.system.bus.removeForkedRecipient(actor);
    actor.emit('destroyed', actor);
  }

  #failed(why: string, cause?: unknown): ActorError {
    return new ActorError('ERR_FORK_FAILED', this.#name, `${this.#name} could not be started: ${why}`, { cause });
  }
}

/** Let every {@link ForkProcess} adopt its actor, as soon as comedy has made it and before it starts. */
export function adoptForks(system: ComedySystem): void {
  const { bus } = system;
  const add = bus.addForkedRecipient.bind(bus);
  bus.addForkedRecipient = (actor) => {
    add(actor);
    const fork = actor.additionalOptions.customParameters;
    if (fork instanceof ForkProcess) fork.adopt(actor, system);
  };
}

function nothing(): void {}
