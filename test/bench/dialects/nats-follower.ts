import type { Follower, FollowListener, FollowOrder } from './dialect.js';
import { failOnLine, NatsLines, natsConnect } from './nats-lines.js';

/** Counts what comes as MSG; it is subscribed when what it said first has been answered. */
export class NatsFollower extends NatsLines implements Follower {
  readonly greeting: Buffer;
  readonly heartbeat = Buffer.from('PONG\r\n');
  messages = 0;
  readonly fellBehind = 0;
  protected readonly wantsBodies: boolean;
  readonly #payloadBytes: number;
  readonly #to: FollowListener;

  /** @param subscribe the lines that subscribe it */
  constructor(subscribe: string, { payloadBytes }: FollowOrder, to: FollowListener) {
    super(payloadBytes);
    this.greeting = Buffer.from(`${natsConnect}${subscribe}PING\r\n`);
    this.#payloadBytes = payloadBytes;
    this.#to = to;
    this.wantsBodies = to.payload !== undefined;
  }

  protected message(bytes: Buffer, _at: number, body: number): void {
    this.messages += 1;
    this.#to.payload?.(bytes.subarray(body, body + this.#payloadBytes));
  }

  protected line(text: string): void {
    failOnLine(text);
    if (text === 'PONG') this.#to.ready();
  }
}
