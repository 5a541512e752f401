import type { Dialect, Publisher, PublishListener, PublishOrder } from './dialect.js';
import { NatsFollower } from './nats-follower.js';
import { failOnLine, NatsLines, natsConnect, subject } from './nats-lines.js';

/** NATS core: nothing is kept. A publish is followed by a PING, and its PONG says that it was taken. */
export const nats: Dialect = {
  follower: (order, to) => new NatsFollower(`SUB ${order.elsewhere ? 'quiet' : subject} 1\r\n`, order, to),
  publisher: (order, to) => new NatsPublisher(order, to),
};

class NatsPublisher extends NatsLines implements Publisher {
  readonly greeting = Buffer.from(`${natsConnect}PING\r\n`);
  protected readonly wantsBodies = false;
  readonly #to: PublishListener;
  readonly #order: PublishOrder;
  readonly #bytes: readonly Buffer[];
  #pongs = 0;

  constructor(order: PublishOrder, to: PublishListener) {
    super(order.payloadBytes);
    this.#to = to;
    this.#order = order;
    this.#bytes = [this.#encode(Buffer.alloc(order.payloadBytes, 'x'))];
  }

  publish(payload?: Buffer): readonly Buffer[] {
    return payload ? [this.#encode(payload)] : this.#bytes;
  }

  protected message(): void {}

  protected line(text: string): void {
    failOnLine(text);
    if (text !== 'PONG') return;
    this.#pongs += 1;
    if (this.#pongs === 1) this.#to.ready();
    else this.#to.acknowledged(1);
  }

  #encode(payload: Buffer): Buffer {
    const message = `PUB ${subject} ${payload.length}\r\n${payload.toString('latin1')}\r\n`;
    return Buffer.from(`${message.repeat(this.#order.batch)}PING\r\n`, 'latin1');
  }
}
