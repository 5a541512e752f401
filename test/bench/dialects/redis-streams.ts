import type { Dialect, Follower, FollowListener, FollowOrder } from './dialect.js';
import { RedisCommands } from './redis.js';
import { channel, command, RespValues, resp } from './resp.js';

/** Entries asked for at a time: more made no difference. */
const entriesAtOnce = 1_000;

/** Redis Streams: XADD answered with the entry's id, and XREAD from the id of the last entry read. */
export const redisStreams: Dialect = {
  follower: (order, to, write) => new RedisStreamFollower(order, to, write),
  publisher: (order, to) => new RedisCommands(order, to, (payload) => command('XADD', channel, '*', 'p', payload)),
};

/**
 * The answer to XREAD: array of 1 stream, array of 2, its name, array of its entries; an entry is array of 2, its id,
 * array of 2, the field's name, the payload.
 */
class RedisStreamFollower extends RespValues implements Follower {
  readonly greeting: Buffer;
  messages = 0;
  readonly fellBehind = 0;
  protected readonly wantsBodies = true;
  readonly #write: (bytes: Buffer) => void;
  readonly #to: FollowListener;
  #values = 0;
  #entries = 0;
  #lastId = '';

  constructor({ from }: FollowOrder, to: FollowListener, write: (bytes: Buffer) => void) {
    super();
    if (from !== 1) throw new Error('a stream is read from its first entry');
    this.#write = write;
    this.#to = to;
    this.greeting = this.#read('0');
    to.ready();
  }

  protected value(kind: number, size: number, bytes: Buffer, body: number): void {
    this.#values += 1;
    if (this.#values === 1 && !(kind === resp.array && size === 1)) return; // nothing is left
    if (this.#values === 4) this.#entries = size;
    if (this.#values <= 4) return;
    const part = (this.#values - 5) % 5;
    if (part === 1) this.#lastId = bytes.toString('latin1', body, body + size);
    if (part !== 4) return;
    this.messages += 1;
    this.#to.payload?.(bytes.subarray(body, body + size));
    this.#entries -= 1;
    if (this.#entries > 0) return;
    this.#values = 0;
    this.#write(this.#read(this.#lastId));
  }

  #read(after: string): Buffer {
    return Buffer.from(command('XREAD', 'COUNT', String(entriesAtOnce), 'STREAMS', channel, after), 'latin1');
  }
}
