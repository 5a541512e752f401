import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ActorClass } from './actor.js';
import { ActorHost } from './actor-host.js';
import type { Topics } from './behaviour.js';
import { type ComedyActor, type ComedyDefinition, settled, tameComedy } from './comedy.js';
import { encodeError } from './encoded-error.js';
import type { EncodedReply, Envelope } from './envelope.js';
import { asError } from './errors.js';
import { forkLogger } from './fork-logger.js';
import { aside, type Begin, type Begun, isSideMessage, type SocketTakenMessage } from './fork-messages.js';
import { exitOnFatal, fatalExitCode, type Runtime } from './runtime.js';

/**
 * The root of a forked process; comedy loads it there by path. It becomes the actor that `begin` names, and makes sure
 * that the process lives exactly as long as its parent wants it.
 */
export default class ForkHost implements ComedyDefinition {
  #self: ComedyActor | undefined;
  #host: ActorHost<unknown, Topics> | undefined;

  static getName(): string {
    return 'ForkHost';
  }

  initialize(self: ComedyActor): void {
    this.#self = self;
    process.once('disconnect', () => process.exit(0));
    if (!process.connected) process.exit(0);
    // A terminal signals the whole group; the parent stops its forks when it is ready to.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  }

  async begin({ name, module, parameters, logLevel, stopTimeoutMs }: Begin): Promise<Begun> {
    try {
      const logger = forkLogger(logLevel);
      this.#guard(logger, name);
      const { default: actor } = (await import(module)) as { default: ActorClass<unknown, Topics> };
      const host = new ActorHost(forkRuntime(logger, stopTimeoutMs), actor, name, parameters);
      await host.initialize(this.#self!);
      if (host.startError) return { encodedError: encodeError(host.startError) };
      this.#host = host;
      return {};
    } catch (error) {
      return { encodedError: encodeError(error) };
    }
  }

  async receive(envelope: Envelope): Promise<EncodedReply> {
    const reply = await this.#host!.receive(envelope);
    if (reply === undefined) return {};
    return 'error' in reply ? { encodedError: encodeError(reply.error) } : reply;
  }

  /** Answered when all earlier messages have been handed to the actor. */
  finish(): Record<string, never> {
    return {};
  }

  /** comedy would run this before it stops the children of a fork; here too they go first. */
  async destroy(): Promise<void> {
    await Promise.allSettled(
      (this.#self?.childPromises ?? []).map(async (child) => settled((await settled(child)).destroy())),
    );
    await this.#host?.destroy();
  }

  #guard(logger: Logger, name: string): void {
    tameComedy(this.#self!.getSystem(), logger);
    const crash = (thrown: unknown): void => {
      logger.fatal({ err: asError(thrown) }, `${name} crashed: ${asError(thrown).message}`);
      process.exit(fatalExitCode);
    };
    process.on('uncaughtException', crash);
    process.on('unhandledRejection', crash);
    process.on('message', (message, handle) => {
      if (!isSideMessage(message, 'latecomer-socket')) return;
      process.send?.({ ...aside, type: 'latecomer-socket-taken', number: message.number } satisfies SocketTakenMessage);
      // There is no handle when the peer was gone before the socket arrived.
      if (handle) this.#host!.receiveSocket(handle as Socket, message.meta);
    });
  }
}

function forkRuntime(logger: Logger, stopTimeoutMs: number): Runtime {
  return { logger, onFatal: exitOnFatal(logger), stopTimeoutMs };
}
