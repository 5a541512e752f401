import type { Socket } from 'node:net';
import type { Actor, ActorClass, ActorContext } from './actor.js';
import type { Topics } from './behaviour.js';
import { ChildSpawner } from './child-spawner.js';
import type { ComedyActor, ComedyDefinition } from './comedy.js';
import type { Envelope, Reply } from './envelope.js';
import { asError } from './errors.js';
import type { Exit } from './ref.js';
import type { Runtime } from './runtime.js';

/** Any actor, seen by its topics. */
type Handlers = Actor<unknown, Topics> & Record<string, ((payload: unknown) => unknown) | undefined>;

/**
 * The one definition comedy sees: it makes an actor of ours, passes messages to its handlers, and turns every failure
 * into a value, so that comedy has nothing to swallow.
 */
export class ActorHost<Parameters, Protocol extends Topics> implements ComedyDefinition {
  readonly name: string;
  /** Resolves when the actor has stopped, or was given up. */
  readonly exited: Promise<Exit>;
  readonly #runtime: Runtime;
  readonly #actorClass: ActorClass<Parameters, Protocol>;
  readonly #parameters: Parameters;
  #actor: Handlers | undefined;
  #startError: Error | undefined;
  #leave: (exit: Exit) => void = () => {};

  constructor(runtime: Runtime, actorClass: ActorClass<Parameters, Protocol>, name: string, parameters: Parameters) {
    this.#runtime = runtime;
    this.#actorClass = actorClass;
    this.name = name;
    this.#parameters = parameters;
    this.exited = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Why the actor did not start. */
  get startError(): Error | undefined {
    return this.#startError;
  }

  /** comedy's start hook: construct the actor and run its `onStart`. Never rejects; see {@link startError}. */
  async initialize(self: ComedyActor): Promise<void> {
    try {
      const actor = new this.#actorClass(this.#context(self)) as unknown as Handlers;
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
    this.#leave({ code: null, signal: null, expected: true });
  }

  #context(self: ComedyActor): ActorContext<Parameters> {
    const runtime = this.#runtime;
    let spawner: ChildSpawner | undefined;
    return {
      name: this.name,
      parameters: this.#parameters,
      logger: runtime.logger,
      // Most actors have no children: there may be one Subscription a subscriber.
      get spawner() {
        spawner ??= new ChildSpawner(runtime, self);
        return spawner;
      },
    };
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
