import { setTimeout as wait } from 'node:timers/promises';
import type { ContinuedSession, InputContext } from '../actors/inputs/input-source.js';
import type { Client } from '../client/index.js';

/** Pause between two looks at what is discarded at the other server. */
const lookMs = 1_000;

/**
 * What the other server has discarded is discarded here. Of the session that is being read it says so at once; of those
 * before it only its catalogue does, so that is looked at from time to time. Each look is at all there is: whatever was
 * missed while either server was away, or could not be written, is found by the next one.
 */
export class RelayedDiscards {
  readonly #client: Client;
  readonly #source: () => string;
  readonly #context: InputContext;
  #failing = false;

  /** @param source the one that is relayed, as it is called there */
  constructor(client: Client, source: () => string, context: InputContext) {
    this.#client = client;
    this.#source = source;
    this.#context = context;
  }

  /** Discard here what is discarded there now; never rejects, for what fails is found by the next look. */
  async look(signal: AbortSignal): Promise<void> {
    let failure: unknown;
    try {
      const sessions = await this.#client.sessions({ source: this.#source(), discarded: true, signal });
      for (const { discarded, discardReason = 'no reason is given there', ...session } of sessions) {
        // A server that does not know how to choose them lists all.
        if (!discarded) continue;
        await this.#context.discard(session, discardReason).catch((error: unknown) => {
          failure = error;
        });
      }
    } catch (error) {
      failure = error;
    }
    if (failure === undefined) this.#failing = false;
    else if (!signal.aborted) this.#failed(failure as Error);
  }

  /** Look again and again, until the signal is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await wait(lookMs, undefined, { signal }).catch(() => {});
      await this.look(signal);
    }
  }

  /** The session that is being read is discarded; never rejects. */
  async mark(session: ContinuedSession, reason: string): Promise<void> {
    await this.#context.discard(session, reason).catch((error: Error) => this.#failed(error));
  }

  #failed({ message }: Error): void {
    const { logger, name: input } = this.#context;
    if (!this.#failing) logger.warn({ input, error: message }, 'not all that is discarded there is discarded here yet');
    this.#failing = true;
  }
}
