import { setMaxListeners } from 'node:events';
import { ProtocolError } from '../../protocol/index.js';
import { Actor, asError, type Behaviour, settlesWithin } from '../runtime/index.js';
import type { SoupSender, UnsequencedInput } from '../soup/unsequenced-input.js';
import type { FedSource, InputInspection, InputProtocol } from './input.js';
import type { SoupInputConfig } from './input-config.js';
import { Insistence } from './insistence.js';

/** What a SoupInput understands. */
export type SoupInputProtocol = InputProtocol & {
  /** Answered with what the gateway calls directly: a packet may wait for long, and a stop waits for no answer. */
  open: [Record<string, never>, UnsequencedInput];
};

/** What a SoupInput is made of. */
export interface SoupInputParameters {
  config: SoupInputConfig;
  fed: FedSource;
}

const publishMs = 600_000;
/** What is being written when the input is stopped has so long. */
const answerMs = 1_000;
/** Packets of clients that wait for a disk that is away. */
const pendingMax = 1_000;

/**
 * An input for the Unsequenced Data of Soup clients. It has no position: a client's next packet is read when the one
 * before it is durable, and while nothing can be published it waits. A packet has no number by which a repeat would be
 * known, so one of which nobody can tell whether it was written is not tried again: its client is told.
 */
export default class SoupInputActor
  extends Actor<SoupInputParameters, SoupInputProtocol>
  implements Behaviour<SoupInputProtocol>, UnsequencedInput
{
  readonly #stop = new AbortController();
  readonly #insistence = new Insistence(this.#stop.signal);
  readonly #pending = new Set<Promise<void>>();
  #messages = 0;

  override onStart(): void {
    setMaxListeners(0, this.#stop.signal);
  }

  begin(): void {}

  open(): UnsequencedInput {
    return this;
  }

  /** What waits is not taken any more; what is being written is, as far as there is time. */
  override async onStop(): Promise<void> {
    this.#stop.abort();
    await settlesWithin(Promise.allSettled(this.#pending), answerMs);
  }

  async take(payload: Buffer, sender: SoupSender): Promise<void> {
    const { size } = this.#pending;
    if (size >= pendingMax) throw new ProtocolError('ERR_BUSY', `${size} packets wait already`);
    const taken = this.#take(payload, sender);
    this.#pending.add(taken);
    await taken.finally(() => this.#pending.delete(taken));
  }

  async #take(payload: Buffer, sender: SoupSender): Promise<void> {
    try {
      this.#stop.signal.throwIfAborted();
      await this.#insistence.insist(
        () => this.#publish(payload),
        (error) => this.logger.warn({ input: this.name, ...sender, error: error.message }, 'input waits'),
      );
      this.#messages += 1;
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
      throw new ProtocolError('ERR_SHUTTING_DOWN', 'the server is shutting down: this packet was not taken', {
        cause: asError(error),
      });
    }
  }

  inspect(): InputInspection {
    const { problem } = this.#insistence;
    const position = `${this.#pending.size} waiting`;
    return { state: problem === '' ? 'reading' : 'waiting', messages: this.#messages, position, problem };
  }

  async #publish(payload: Buffer): Promise<void> {
    const { fed, config } = this.parameters;
    const session = fed.session();
    if (!session) throw new ProtocolError('ERR_NO_SESSION', `source ${config.source} has no session yet`);
    await session.ask('publish', { payloads: [payload] }, { timeoutMs: publishMs });
  }
}
