import type { Socket } from 'node:net';
import type { ActorHost } from './actor-host.js';
import type { Tellable, Topics } from './behaviour.js';
import { type ComedyProxy, settled } from './comedy.js';
import { settlesWithin } from './deadline.js';
import type { Envelope, Reply } from './envelope.js';
import { stoppedError, TimeoutError } from './errors.js';
import type { AskOptions, Exit, Ref } from './ref.js';
import type { Runtime } from './runtime.js';

/** A {@link Ref} to an actor in this process; payloads and replies are passed by reference. */
export class LocalRef<Parameters, Protocol extends Topics> implements Ref<Protocol> {
  readonly name: string;
  readonly pid = process.pid;
  readonly #host: ActorHost<Parameters, Protocol>;
  readonly #proxy: ComedyProxy;
  readonly #runtime: Runtime;
  #stopping: Promise<void> | undefined;

  constructor(runtime: Runtime, host: ActorHost<Parameters, Protocol>, proxy: ComedyProxy) {
    this.name = host.name;
    this.#host = host;
    this.#proxy = proxy;
    this.#runtime = runtime;
  }

  get exited(): Promise<Exit> {
    return this.#host.exited;
  }

  tell<Topic extends Tellable<Protocol>>(topic: Topic, payload: Protocol[Topic][0]): void {
    // A rejection can only mean that the actor has stopped.
    this.#send({ topic: topic as string, payload, ask: false }).then(nothing, nothing);
  }

  ask<Topic extends keyof Protocol>(
    topic: Topic,
    payload: Protocol[Topic][0],
    { timeoutMs }: AskOptions,
  ): Promise<Protocol[Topic][1]> {
    const topicName = topic as string;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new TimeoutError(this.name, topicName, timeoutMs)), timeoutMs);
      this.#send({ topic: topicName, payload, ask: true }).then(
        (answer) => {
          clearTimeout(timer);
          const reply = answer as Reply;
          if ('error' in reply) reject(reply.error);
          else resolve(reply.value as Protocol[Topic][1]);
        },
        (error) => {
          clearTimeout(timer);
          reject(stoppedError(this.name, `'${topicName}' was not handled`, error));
        },
      );
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  sendSocket(socket: Socket, meta: object): boolean {
    if (this.#stopping) return false;
    this.#host.receiveSocket(socket, meta);
    return true;
  }

  #send(envelope: Envelope) {
    return this.#proxy.sendAndReceive('receive', envelope);
  }

  async #stop(): Promise<void> {
    const { stopTimeoutMs, logger } = this.#runtime;
    // Children come first, and one that is a hung fork takes half of it.
    const givenUpMs = stopTimeoutMs * 2;
    if (!(await settlesWithin(settled(this.#proxy.destroy()), givenUpMs))) {
      logger.error({ actor: this.name, givenUpMs }, `${this.name} did not stop within ${givenUpMs} ms, given up`);
    }
    this.#host.gone();
  }
}

function nothing(): void {}
