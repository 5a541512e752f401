import type {
  Dialect,
  Follower,
  FollowListener,
  FollowOrder,
  Publisher,
  PublishListener,
  PublishOrder,
} from './dialect.js';
import { channel, command, RespValues, resp } from './resp.js';

/** Redis pub/sub: nothing is kept. Each message is a PUBLISH, answered with the number of its receivers. */
export const redis: Dialect = {
  follower: (order, to) => new RedisFollower(order, to),
  publisher: (order, to) => new RedisCommands(order, to, (payload) => command('PUBLISH', channel, payload)),
};

/** A push is an array of three: what it is, the channel, and the payload; the answer to SUBSCRIBE ends in a count. */
class RedisFollower extends RespValues implements Follower {
  readonly greeting = Buffer.from(command('SUBSCRIBE', channel));
  messages = 0;
  readonly fellBehind = 0;
  protected readonly wantsBodies: boolean;
  readonly #to: FollowListener;
  #bulks = 0;

  constructor(_order: FollowOrder, to: FollowListener) {
    super();
    this.#to = to;
    this.wantsBodies = to.payload !== undefined;
  }

  protected value(kind: number, size: number, bytes: Buffer, body: number): void {
    if (kind === resp.array) this.#bulks = 0;
    else if (kind === resp.integer) this.#to.ready();
    else if (kind === resp.bulk) {
      this.#bulks += 1;
      if (this.#bulks < 3) return;
      this.messages += 1;
      this.#to.payload?.(bytes.subarray(body, body + size));
    }
  }
}

/** A publisher whose publish is `batch` commands in one write, each of which is answered with one value. */
export class RedisCommands extends RespValues implements Publisher {
  readonly greeting = Buffer.from(command('PING'));
  protected readonly wantsBodies = false;
  readonly #to: PublishListener;
  readonly #batch: number;
  readonly #encode: (payload: Buffer) => readonly Buffer[];
  readonly #bytes: readonly Buffer[];
  #answers = 0;
  #isReady = false;

  constructor({ batch, payloadBytes }: PublishOrder, to: PublishListener, encode: (payload: Buffer) => string) {
    super();
    this.#to = to;
    this.#batch = batch;
    this.#encode = (payload) => [Buffer.from(encode(payload).repeat(batch), 'latin1')];
    this.#bytes = this.#encode(Buffer.alloc(payloadBytes, 'x'));
  }

  publish(payload?: Buffer): readonly Buffer[] {
    return payload ? this.#encode(payload) : this.#bytes;
  }

  protected value(): void {
    if (!this.#isReady) {
      this.#isReady = true;
      return this.#to.ready();
    }
    this.#answers += 1;
    if (this.#answers % this.#batch === 0) this.#to.acknowledged(1);
  }
}
