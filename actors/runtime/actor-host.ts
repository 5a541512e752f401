import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Actor, ActorClass, ActorContext, Spawner } from './actor.js';
import type { Topics } from './behaviour.js';
import { ChildSpawner } from './child-spawner.js';
import type { ComedyActor } from './comedy.js';
import type { Envelope, Reply } from './envelope.js';
import { asError } from './errors.js';
import type { Exit } from './ref.js';
import type { Runtime } from './runtime.js';
import type { Shard, ShardChild } from './shards.js';

/** Any actor, seen by its topics. */
type Handlers = Actor<unknown, Topics> & Record<string, ((payload: unknown) => unknown) | undefined>;

/** How an actor in memory ends. */
const left: Exit = { code: null, signal: null, expected: true };

/**
 * The one definition comedy sees: it makes an actor of ours, passes messages to its handlers, and turns every failure
 * into a value, so that comedy has nothing to swallow. There is one for each subscription, so what only a few need
 * (children, a promise of the end) is made when it is asked for.
 */
export class ActorHost<Parameters, Protocol extends Topics> implements ShardChild, ActorContext<Parameters> {
  readonly name: string;
  readonly parameters: Parameters;
  /** The place among its siblings that it gives back when it goes. */
  shard: Shard | undefined;
  readonly #runtime: Runtime;
  readonly #actorClass: ActorClass<Parameters, Protocol>;
  #self: ComedyActor | undefined;
  #spawner: ChildSpawner | undefined;
  #actor: Handlers | undefined;
  #startError: Error | undefined;
  #gone = false;
  #exited: Promise<Exit> | undefined;
  #exit: ((exit: Exit) => void) | undefined;

  constructor(runtime: Runtime, actorClass: ActorClass<Parameters, Protocol>, name: string, parameters: Parameters) {
    this.#runtime = runtime;
    this.#actorClass = actorClass;
    this.name = name;
    this.parameters = parameters;
  }

  get logger(): Logger {
    return this.#runtime.logger;
  }

  get spawner(): Spawner {
    this.#spawner ??= new ChildSpawner(this.#runtime, this.#self!);
    return this.#spawner;
  }

  /** Why the actor did not start. */
  get startError(): Error | undefined {
    return this.#startError;
  }

  /** Resolves when the actor has stopped, or was given up. */
  get exited(): Promise<Exit> {
    this.#exited ??= this.#gone
      ? Promise.resolve(left)
      : new Promise((resolve) => {
          this.#exit = resolve;
        });
    return this.#exited;
  }

  /** comedy's start hook: construct the actor and run its `onStart`. Never rejects; see {@link startError}. */
  async initialize(self: ComedyActor): Promise<void> {
    this.#self = self;
    try {
      const actor = new this.#actorClass(this) as unknown as Handlers;
      await actor.onStart?.();
      this.#actor = actor;
    } catch (error) {
      this.#startError = asError(error);
    }
  }

  /** comedy's handler of all our messages. Never throws or rejects. */
  receive(envelope: Envelope): Reply | undefined | Promise<Reply | undefined> {
    try {
      const result = this.#handle(envelope);
      if (isPromise(result)) return this.#settle(result, envelope);
      return envelope.ask ? { value: result } : undefined;
    } catch (error) {
      return this.#failed(error, envelope);
    }
  }

  /** Pass a socket to the actor; without an `onSocket` it is closed. */
  receiveSocket(socket: Socket, meta: object): void {
    if (!this.#actor?.onSocket) {
      socket.destroy();
      return;
    }
    try {
      this.#actor.onSocket(socket, meta);
    } catch (error) {
      this.#runtime.onFatal(asError(error), { actor: this.name, topic: 'onSocket' });
    }
  }

  /** comedy's stop hook; children are stopped and handlers have ended by now. */
  async destroy(): Promise<void> {
    try {
      await this.#actor?.onStop?.();
    } catch (error) {
      this.#runtime.onFatal(asError(error), { actor: this.name, topic: 'onStop' });
    }
    this.#actor = undefined;
    this.gone();
  }

  /** The actor has stopped, or nobody waits for it any longer. */
  gone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.shard?.leave();
    this.#exit?.(left);
  }

  #handle({ topic, payload }: Envelope): unknown {
    const handler = this.#actor?.[topic];
    if (typeof handler !== 'function') throw new TypeError(`${this.name} has no handler for '${topic}'`);
    return handler.call(this.#actor, payload);
  }

  async #settle(result: PromiseLike<unknown>, envelope: Envelope): Promise<Reply | undefined> {
    try {
      const value = await result;
      return envelope.ask ? { value } : undefined;
    } catch (error) {
      return this.#failed(error, envelope);
    }
  }

  #failed(error: unknown, { ask, topic }: Envelope): Reply | undefined {
    if (ask) return { error };
    this.#runtime.onFatal(asError(error), { actor: this.name, topic });
    return undefined;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
