import type { SubscribeBody } from '../../../protocol/index.js';
import { eventually, within } from '../../support/deadline.js';
import type { Lost } from './positions.js';
import { ConnectionEnded, RawClient } from './raw-client.js';

/** How to follow. */
export interface FollowerOptions extends Pick<SubscribeBody, 'from' | 'wait' | 'session'> {
  port: number;
  /** Name of the client, as `inspect` lists it. */
  name?: string;
  /** Told of every message; texts are not kept then. */
  message?: (seq: number, payload: Buffer) => void;
}

/**
 * A subscriber that connects again whenever its connection breaks and goes on at its next number. Numbers and crc are
 * the {@link RawClient}'s to check; over a reconnect the follower adds that the server starts where it was asked to.
 */
export class Follower {
  /** Texts of the messages, the first one is that of {@link first}. */
  readonly texts: string[] = [];
  readonly lost: Lost[] = [];
  /** Connections made so far. */
  connections = 0;
  first = 0;
  next = 0;
  epoch = '';
  /** How often it was told that it is live. */
  lives = 0;
  client!: RawClient;
  readonly #options: FollowerOptions;
  #waiting = new Set<() => void>();
  #failure: Error | undefined;
  #stopped = false;
  #log = 0;

  private constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Resolves when it is subscribed. */
  static async start(options: FollowerOptions): Promise<Follower> {
    const follower = new Follower(options);
    await follower.#connect();
    void follower.#run();
    return follower;
  }

  /** Resolves when it has everything up to `seq`. */
  async reached(seq: number, ms?: number): Promise<void> {
    await this.#until(
      () => this.next > seq,
      () => `message ${seq} (next is ${this.next}, connections ${this.connections})`,
      ms,
    );
  }

  /** Resolves when it was told `times` times that it is live. */
  async live(times = 1): Promise<void> {
    await this.#until(() => this.lives >= times, 'LIVE');
  }

  /** Resolves when it has made so many connections. */
  async connected(connections: number): Promise<void> {
    await this.#until(() => this.connections >= connections, `connection ${connections}`);
  }

  stop(): void {
    this.#stopped = true;
    this.client?.cut();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.client.closed;
        if (!this.#stopped) await this.#reconnect();
      } catch (error) {
        this.#failure = error as Error;
        this.#stopped = true;
      }
      this.#wake();
    }
  }

  async #reconnect(): Promise<void> {
    await eventually(async () => {
      if (this.#stopped) return true;
      try {
        await this.#connect();
        return true;
      } catch (error) {
        if (error instanceof ConnectionEnded) return undefined;
        throw error;
      }
    }, 'a new connection');
  }

  async #connect(): Promise<void> {
    const { port, name = 'follower', from, wait, session } = this.#options;
    const client = await RawClient.connect(
      port,
      { client: name },
      {
        block: ({ firstSeq, lastSeq, payloads }) => {
          let seq = firstSeq;
          for (const payload of payloads()) {
            if (this.#options.message) this.#options.message(seq, payload);
            else this.texts.push(payload.toString());
            seq += 1;
          }
          this.next = lastSeq + 1;
          this.#wake();
        },
        message: (message) => {
          if (message.type === 'LIVE') this.lives += 1;
          if (message.type === 'SUBSCRIBED') this.#subscribed(message.from);
          if (message.type === 'LOST') {
            this.lost.push(message);
            this.next = message.to + 1;
          }
          if (message.type === 'UNSUBSCRIBED') client.cut();
          this.#wake();
        },
      },
    );
    const again = this.#log !== 0;
    const answer = await client.subscribe({
      ...(again ? { from: this.next, epoch: this.epoch } : from !== undefined && { from }),
      ...(wait && { wait }),
      ...(session !== undefined && { session }),
    });
    if (answer.type !== 'SUBSCRIBED') {
      client.cut();
      throw new Error(`subscription from ${this.next} refused: ${JSON.stringify(answer)}`);
    }
    this.#log = answer.log;
    this.epoch = answer.epoch;
    this.client = client;
    this.connections += 1;
    this.#wake();
  }

  /** Called before the first block of a connection. */
  #subscribed(from: number): void {
    if (this.connections === 0) this.first = this.next = from;
    else if (from !== this.next) this.#failure = new Error(`went on at ${from}, asked for ${this.next}`);
  }

  async #until(condition: () => boolean, what: string | (() => string), ms?: number): Promise<void> {
    const watch = async () => {
      while (!condition()) {
        if (this.#failure) throw this.#failure;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    };
    await within(watch(), what, ms);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
