import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Behaviour, NoTopics, Topics } from './behaviour.js';
import type { Ref } from './ref.js';

/** Where an actor runs: in the process of its parent, or in one of its own. */
export type Mode = 'in-memory' | 'forked';

/** How to make an actor; `spawn` takes it. */
export interface Definition<Parameters, Protocol extends Topics> {
  actor: ActorClass<Parameters, Protocol>;
  /**
   * The module whose default export is `actor`, needed for mode `forked`:
   * `new URL('./edge.js', import.meta.url)`. It must do no work at import and have no top-level await.
   */
  module?: URL;
}

/** A class of actors: its constructor takes the context and hands it to `super`. */
export type ActorClass<Parameters, Protocol extends Topics> = new (
  context: ActorContext<Parameters>,
) => Actor<Parameters, Protocol> & Behaviour<NoInfer<Protocol>>;

/** What a spawned actor is called, is given and where it runs. */
export interface SpawnOptions<Parameters> {
  /** For logs and errors; not necessarily unique. */
  name: string;
  /** In memory passed as they are, functions and Buffers too; to a fork JSON values only. */
  parameters: Parameters;
  /** Default: `in-memory`. */
  mode?: Mode;
}

/** Makes actors. */
export interface Spawner {
  /**
   * Create an actor and wait for its `onStart`.
   * @throws what `onStart` or the constructor threw; ActorError `ERR_FORK_FAILED` when its process ended or hung before
   * it had started, `ERR_ACTOR_STOPPED` when the parent is stopping
   */
  spawn<Parameters, Protocol extends Topics>(
    definition: Definition<Parameters, Protocol>,
    options: SpawnOptions<NoInfer<Parameters>>,
  ): Promise<Ref<Protocol>>;
}

/** What the runtime hands to the constructor of an actor. */
export interface ActorContext<Parameters> {
  readonly name: string;
  readonly parameters: Parameters;
  readonly logger: Logger;
  readonly spawner: Spawner;
}

declare const protocolOf: unique symbol;

/**
 * Base of all actors. Its public methods are the handlers of its protocol:
 *
 * ```ts
 * type EchoProtocol = { echo: [{ text: string }, { text: string }]; forget: [{ text: string }, void] };
 * export default class Echo extends Actor<{ prefix: string }, EchoProtocol> implements Behaviour<EchoProtocol> {
 *   echo({ text }: { text: string }) { return { text: this.parameters.prefix + text }; }
 *   forget() {}
 * }
 * const ref = await parent.spawn({ actor: Echo }, { name: 'Echo', parameters: { prefix: '> ' } });
 * ```
 */
export abstract class Actor<Parameters, Protocol extends Topics = NoTopics> {
  /** Only for the compiler: lets `spawn` find the protocol of a class. */
  declare readonly [protocolOf]?: Protocol;
  protected readonly name: string;
  protected readonly parameters: Parameters;
  readonly #context: ActorContext<Parameters>;

  constructor(context: ActorContext<Parameters>) {
    this.#context = context;
    this.name = context.name;
    this.parameters = context.parameters;
  }

  /** The log of this process. In a fork, its lines are written by the parent's logger. */
  protected get logger(): Logger {
    return this.#context.logger;
  }

  /** Create a child of this actor; it is stopped before this actor is. See {@link Spawner.spawn}. */
  protected spawn<P, T extends Topics>(
    definition: Definition<P, T>,
    options: SpawnOptions<NoInfer<P>>,
  ): Promise<Ref<T>> {
    return this.#context.spawner.spawn(definition, options);
  }

  /** Runs before the first message; a throw fails the spawn. */
  onStart?(): void | Promise<void>;

  /** Runs when children are stopped and handlers have ended; a throw is a programmer error. */
  onStop?(): void | Promise<void>;

  /** Takes over a socket handed in with {@link Ref.sendSocket}; it is paused. */
  onSocket?(socket: Socket, meta: object): void;
}
