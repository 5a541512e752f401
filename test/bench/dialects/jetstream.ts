import { randomUUID } from 'node:crypto';
import type { Dialect, FollowOrder, Publisher, PublishListener, PublishOrder } from './dialect.js';
import { NatsFollower } from './nats-follower.js';
import { failOnLine, natsConnect, subject } from './nats-lines.js';
import { Scanner } from './scanner.js';

const delivery = 'delivery';
const inbox = 'inbox';

/** A JSON request to the server's API, answered on `inbox.api`. */
export function jetStreamRequest(name: string, body: object): string {
  const json = JSON.stringify(body);
  return `PUB $JS.API.${name} ${inbox}.api ${json.length}\r\n${json}\r\n`;
}

/**
 * NATS JetStream: a push consumer without acknowledgements reads the stream, and every message published asks for the
 * acknowledgement of the stream.
 */
export const jetstream: Dialect = {
  follower: (order, to) => new NatsFollower(consume(order), order, to),
  publisher: (order, to) => new JetStreamPublisher(order, to),
};

/** Messages come as MSG with a reply subject that holds their numbers; a consumer is made on the same connection. */
function consume({ from }: FollowOrder): string {
  const config = {
    deliver_subject: delivery,
    deliver_policy: from === undefined ? 'new' : 'by_start_sequence',
    ...(from !== undefined && { opt_start_seq: from }),
    ack_policy: 'none',
  };
  return `SUB ${delivery} 1\r\n${jetStreamRequest(`CONSUMER.CREATE.${subject}`, { stream_name: subject, config })}`;
}

const lineFeed = 0x0a;

/** Every acknowledgement is two lines: MSG, then a short JSON. It comes to an inbox of the publisher's own. */
class JetStreamPublisher extends Scanner implements Publisher {
  readonly greeting: Buffer;
  readonly heartbeat = Buffer.from('PONG\r\n');
  readonly #to: PublishListener;
  readonly #batch: number;
  readonly #bytes: readonly Buffer[];
  readonly #inbox: string;
  #messages = 0;

  constructor({ batch, payloadBytes }: PublishOrder, to: PublishListener) {
    super();
    this.#to = to;
    this.#batch = batch;
    this.#inbox = `${inbox}.${randomUUID()}`;
    this.greeting = Buffer.from(`${natsConnect}SUB ${this.#inbox} 1\r\nPING\r\n`);
    this.#bytes = [this.#encode(Buffer.alloc(payloadBytes, 'x'))];
  }

  publish(payload?: Buffer): readonly Buffer[] {
    return payload ? [this.#encode(payload)] : this.#bytes;
  }

  protected unit(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(lineFeed, at);
    if (end < 0) return 0;
    const length = end + 1 - at;
    const first = String.fromCharCode(bytes[at]!);
    if (first === '{') this.#answer(bytes.toString('latin1', at, end));
    else if (first === '-') failOnLine(bytes.toString('latin1', at, end));
    else if (bytes.toString('latin1', at, at + 4) === 'PONG') this.#to.ready();
    return length;
  }

  #answer(json: string): void {
    if (json.includes('"error"')) throw new Error(json);
    this.#messages += 1;
    if (this.#messages % this.#batch === 0) this.#to.acknowledged(1);
  }

  #encode(payload: Buffer): Buffer {
    const head = `PUB ${subject} ${this.#inbox} ${payload.length}\r\n`;
    return Buffer.from(`${head}${payload.toString('latin1')}\r\n`.repeat(this.#batch), 'latin1');
  }
}
