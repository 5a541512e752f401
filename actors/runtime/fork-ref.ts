import type { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import type { Definition, SpawnOptions } from './actor.js';
import type { Tellable, Topics } from './behaviour.js';
import { type ComedyActor, type ComedyProxy, settled } from './comedy.js';
import { compiledModule } from './compiled-module.js';
import { settlesWithin } from './deadline.js';
import { decodeError } from './encoded-error.js';
import type { EncodedReply, Envelope } from './envelope.js';
import { ActorError, asError, stoppedError, TimeoutError } from './errors.js';
import type { Begin, Begun } from './fork-messages.js';
import { ForkProcess } from './fork-process.js';
import type { AskOptions, Exit, Ref } from './ref.js';
import type { Runtime } from './runtime.js';

/** Messages a fork may leave unanswered, tells included; with more it does not work any longer and is killed. */
export const messagesUnansweredMax = 10_000;

/** A {@link Ref} to an actor in a process of its own. Payloads and replies are JSON values. */
export class ForkRef<Protocol extends Topics> implements Ref<Protocol> {
  readonly name: string;
  readonly pid: number;
  readonly #runtime: Runtime;
  readonly #fork: ForkProcess;
  readonly #proxy: ComedyProxy;
  #unanswered = 0;

  constructor(runtime: Runtime, name: string, fork: ForkProcess, proxy: ComedyProxy) {
    this.#runtime = runtime;
    this.name = name;
    this.#fork = fork;
    this.#proxy = proxy;
    this.pid = fork.pid;
  }

  get exited(): Promise<Exit> {
    return this.#fork.exited;
  }

  tell<Topic extends Tellable<Protocol>>(topic: Topic, payload: Protocol[Topic][0]): void {
    const envelope: Envelope = { topic: topic as string, payload, ask: false };
    this.#send(envelope, nothing, (error) => {
      if (this.#fork.reachable && !isBrokenChannel(error)) {
        this.#runtime.onFatal(asError(error), { actor: this.name, topic: envelope.topic });
      }
    });
  }

  ask<Topic extends keyof Protocol>(
    topic: Topic,
    payload: Protocol[Topic][0],
    { timeoutMs }: AskOptions,
  ): Promise<Protocol[Topic][1]> {
    const envelope: Envelope = { topic: topic as string, payload, ask: true };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new TimeoutError(this.name, envelope.topic, timeoutMs)), timeoutMs);
      const answered = (reply: EncodedReply): void => {
        clearTimeout(timer);
        if ('encodedError' in reply) reject(decodeError(reply.encodedError));
        else resolve(reply.value as Protocol[Topic][1]);
      };
      const failed = (error: unknown): void => {
        clearTimeout(timer);
        const stopped = !this.#fork.reachable || isBrokenChannel(error);
        reject(stopped ? stoppedError(this.name, `'${envelope.topic}' was not handled`, error) : error);
      };
      this.#send(envelope, answered, failed);
    });
  }

  stop(): Promise<void> {
    return this.#fork.stop();
  }

  sendSocket(socket: Socket, meta: object): boolean {
    return this.#fork.sendSocket(socket, meta);
  }

  #send(envelope: Envelope, answered: (reply: EncodedReply) => void, failed: (error: unknown) => void): void {
    if (this.#unanswered >= messagesUnansweredMax && this.#fork.reachable) this.#giveUp();
    this.#unanswered++;
    this.#proxy.sendAndReceive('receive', envelope).then(
      (reply) => {
        this.#unanswered--;
        if (reply === undefined) failed(new Error('its process ended'));
        else answered(reply as EncodedReply);
      },
      (error) => {
        this.#unanswered--;
        failed(error);
      },
    );
  }

  #giveUp(): void {
    const facts = { actor: this.name, pid: this.pid, unanswered: this.#unanswered };
    this.#runtime.logger.error(facts, `${this.name} left ${this.#unanswered} messages unanswered, killed`);
    this.#fork.killNow();
  }
}

/** Start a process, let it become the actor of a definition, and wait for its `onStart`. */
export async function spawnFork<Parameters, Protocol extends Topics>(
  runtime: Runtime,
  self: ComedyActor,
  definition: Definition<Parameters, Protocol>,
  { name, parameters }: SpawnOptions<NoInfer<Parameters>>,
): Promise<Ref<Protocol>> {
  const { forking, logger, stopTimeoutMs } = runtime;
  if (!forking) throw new TypeError(`${name} cannot be forked: only the first process makes forks`);
  if (!definition.module) throw new TypeError(`${name} cannot be forked: its definition names no module`);
  const module = pathToFileURL(compiledModule(definition.module)).href;
  const fork = new ForkProcess(runtime, name);
  const starting = start(self, fork, { name, module, parameters, logLevel: logger.level, stopTimeoutMs });
  try {
    if (await settlesWithin(starting, forking.startTimeoutMs)) return new ForkRef(runtime, name, fork, await starting);
    throw new ActorError(
      'ERR_FORK_FAILED',
      name,
      `${name} could not be started: not ready within ${forking.startTimeoutMs} ms`,
    );
  } catch (error) {
    await fork.kill();
    throw error;
  }
}

async function start(self: ComedyActor, fork: ForkProcess, begin: Begin): Promise<ComedyProxy> {
  const host = `/${compiledModule(new URL('./fork-host.js', import.meta.url))}`;
  let proxy: ComedyProxy;
  let begun: Begun;
  try {
    proxy = await settled(self.createChild(host, { mode: 'forked', name: begin.name, customParameters: fork }));
    const answer = await settled(proxy.sendAndReceive('begin', begin));
    if (answer === undefined) throw new Error('its process ended before it had started');
    begun = answer as Begun;
  } catch (error) {
    if (error instanceof ActorError) throw error;
    if (!fork.adopted) throw stoppedError(begin.name, 'its parent is stopping', error);
    const message = `${begin.name} could not be started: ${asError(error).message}`;
    throw new ActorError('ERR_FORK_FAILED', begin.name, message, { cause: error });
  }
  if (begun.encodedError) throw decodeError(begun.encodedError);
  return proxy;
}

/**
 * Whether a message failed because its process is ending. What else can fail while the fork is there is a programmer
 * error: a payload or a reply that is not JSON.
 */
function isBrokenChannel(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_IPC_CHANNEL_CLOSED' || code === 'EPIPE' || code === 'ECONNRESET';
}

function nothing(): void {}
