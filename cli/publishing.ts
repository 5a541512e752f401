import { setTimeout as wait } from 'node:timers/promises';
import type { Acknowledgement } from '../client/index.js';
import { MessageGroup } from './message-groups.js';
import { Pace } from './pace.js';

/** The part of a client that publishing needs. */
export interface PublishingClient {
  publish(payloads: Uint8Array[]): Promise<Acknowledgement>;
  /** Resolves when more may be published without filling memory. */
  room(): Promise<void>;
}

/** Told what acknowledgements are awaited. */
export interface AwaitedAcknowledgements {
  /** One is awaited. */
  begin(): void;
  /** One has come. */
  moved(): void;
  /** None is awaited any more. */
  end(): void;
}

/** Messages of one session that were acknowledged. */
export interface AcknowledgedRun {
  session: string;
  firstSeq: number;
  lastSeq: number;
  durability: string;
}

/**
 * Publishes messages in order, in groups, as fast as they come or at a steady pace, and keeps count. Memory is bounded:
 * what is under way by the client's own windows, what is gathered by the size of a group.
 */
export class Publishing {
  readonly #client: PublishingClient;
  /** Stopped or failed. */
  readonly #over: AbortSignal;
  readonly #failing = new AbortController();
  readonly #group = new MessageGroup();
  readonly #pace: Pace;
  readonly #isPaced: boolean;
  readonly #awaited: AwaitedAcknowledgements | undefined;
  readonly #runs = new Map<string, AcknowledgedRun>();
  #sent = 0;
  #acknowledged = 0;
  #underWay = 0;
  #settled: () => void = () => undefined;

  /**
   * @param perSecond messages a second; `undefined` is as fast as possible
   * @param stopped no message is sent once it is aborted
   */
  constructor(
    client: PublishingClient,
    perSecond: number | undefined,
    stopped: AbortSignal,
    awaited?: AwaitedAcknowledgements,
  ) {
    this.#awaited = awaited;
    this.#client = client;
    this.#pace = new Pace(perSecond);
    this.#isPaced = perSecond !== undefined;
    this.#over = AbortSignal.any([stopped, this.failed]);
  }

  /** Messages handed to the client. */
  get sent(): number {
    return this.#sent;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What was acknowledged, a line per session. */
  get runs(): AcknowledgedRun[] {
    return [...this.#runs.values()];
  }

  /** Aborted by the first message that was not acknowledged; the reason is its error. */
  get failed(): AbortSignal {
    return this.#failing.signal;
  }

  /** Publish a message of each source in turn; returns early when stopped or failed. */
  async publishAll(batches: AsyncIterable<readonly Uint8Array[]> | Iterable<readonly Uint8Array[]>): Promise<void> {
    for await (const batch of batches) {
      for (const message of batch) {
        if (!this.#group.fits(message)) await this.#flush();
        if (this.#isPaced) await this.#awaitTurn();
        if (this.#over.aborted) return;
        this.#group.add(message);
      }
      await this.#flush();
      if (this.#over.aborted) return;
    }
  }

  /** Resolves when every message that was sent is acknowledged or has failed. */
  async settle(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
  }

  async #awaitTurn(): Promise<void> {
    const waitMs = this.#pace.waitMs(this.#sent + this.#group.size);
    if (waitMs <= 0) return;
    await this.#flush();
    await wait(waitMs, undefined, { signal: this.#over }).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    if (this.#group.size === 0 || this.#over.aborted) return;
    const messages = this.#group.take();
    this.#sent += messages.length;
    this.#underWay += 1;
    this.#awaited?.begin();
    this.#client
      .publish(messages)
      .then(
        (acknowledgement) => this.#count(acknowledgement),
        (error: unknown) => this.#failing.abort(error),
      )
      .finally(() => {
        this.#underWay -= 1;
        if (this.#underWay > 0) return;
        this.#awaited?.end();
        this.#settled();
      });
    await this.#client.room();
  }

  #count({ session, firstSeq, count, durability }: Acknowledgement): void {
    this.#acknowledged += count;
    this.#awaited?.moved();
    const lastSeq = firstSeq + count - 1;
    const run = this.#runs.get(session);
    if (run === undefined) this.#runs.set(session, { session, firstSeq, lastSeq, durability });
    else run.lastSeq = Math.max(run.lastSeq, lastSeq);
  }
}
