import {
  blockFirstSeq,
  blockHeaderBytes,
  blockLastSeq,
  decodeServerMessage,
  encodeMessage,
  encodePayloads,
  encodePublishHeader,
  FrameType,
  lengthPrefixBytes,
  type Payloads,
  protocolVersion,
  type ServerMessage,
  skipBin,
} from '../../../protocol/index.js';
import type {
  Dialect,
  Follower,
  FollowListener,
  FollowOrder,
  Publisher,
  PublishListener,
  PublishOrder,
} from './dialect.js';
import { Scanner } from './scanner.js';

const heartbeat = encodeMessage({ type: 'HEARTBEAT' });
/** A source that is followed and not published to; the server has to be started with it. */
export const quietSource = 'quiet';
const binHeaderBytesOfSmall = 2;

/** The protocol of this server: see protocol/README.md. */
export const latecomer: Dialect = {
  follower: (order, to) => new LatecomerFollower(order, to),
  publisher: (order, to) => new LatecomerPublisher(order, to),
};

/** Blocks are counted by their headers, and each has to start where the one before it ended. */
class LatecomerFollower extends Scanner implements Follower {
  readonly greeting: Buffer;
  readonly heartbeat = heartbeat;
  messages = 0;
  #next = 0;
  #lives = 0;
  readonly #to: FollowListener;

  constructor({ from, elsewhere }: FollowOrder, to: FollowListener) {
    super();
    this.#to = to;
    const subscribe = { request: 1, ...(from !== undefined && { from }), ...(elsewhere && { source: quietSource }) };
    this.greeting = encodeMessage({ type: 'LOGIN', versions: [protocolVersion], subscribe });
  }

  get fellBehind(): number {
    return Math.max(0, this.#lives - 1);
  }

  protected unit(bytes: Buffer, at: number): number {
    if (bytes.length - at < lengthPrefixBytes + 2) return 0;
    const length = lengthPrefixBytes + bytes.readUInt32BE(at);
    const isBlock = bytes[at + lengthPrefixBytes + 1] === FrameType.MESSAGES;
    const isNeeded = isBlock && !this.#to.payload ? blockHeaderBytes : length;
    if (bytes.length - at < isNeeded) return 0;
    if (isBlock) this.#block(bytes.subarray(at, at + length));
    else this.#message(decodeServerMessage(Buffer.from(bytes.subarray(at, at + length))));
    return length;
  }

  #block(block: Buffer): void {
    const firstSeq = blockFirstSeq(block);
    if (firstSeq !== this.#next) throw new Error(`expected message ${this.#next}, got ${firstSeq}`);
    const count = blockLastSeq(block) + 1 - firstSeq;
    this.#next += count;
    this.messages += count;
    if (!this.#to.payload) return;
    let offset = blockHeaderBytes;
    for (let payload = 0; payload < count; payload += 1) {
      const end = skipBin(block, offset);
      this.#to.payload(block.subarray(offset + binHeaderBytesOfSmall, end));
      offset = end;
    }
  }

  #message(message: ServerMessage): void {
    failOn(message);
    if (message.type === 'LIVE') {
      this.#lives += 1;
      this.#to.live?.();
    }
    if (message.type !== 'SUBSCRIBED') return;
    this.#next = message.from;
    this.#to.ready();
  }
}

class LatecomerPublisher extends Scanner implements Publisher {
  readonly greeting: Buffer;
  readonly heartbeat = heartbeat;
  readonly #to: PublishListener;
  readonly #batch: number;
  readonly #payloads: Payloads;
  #number = 0;
  #acknowledged = 0;

  constructor({ batch, payloadBytes }: PublishOrder, to: PublishListener) {
    super();
    this.#to = to;
    this.#batch = batch;
    this.#payloads = encodePayloads(Array(batch).fill(Buffer.alloc(payloadBytes, 'x')));
    const publisher = `bench-${process.pid}-${Math.random()}`;
    this.greeting = encodeMessage({ type: 'LOGIN', versions: [protocolVersion], publisher });
  }

  publish(payload?: Buffer): readonly Buffer[] {
    this.#number += 1;
    const payloads = payload ? encodePayloads(Array(this.#batch).fill(payload)) : this.#payloads;
    return [encodePublishHeader(this.#number, '', payloads), payloads.bytes];
  }

  protected unit(bytes: Buffer, at: number): number {
    if (bytes.length - at < lengthPrefixBytes) return 0;
    const length = lengthPrefixBytes + bytes.readUInt32BE(at);
    if (bytes.length - at < length) return 0;
    const message = decodeServerMessage(Buffer.from(bytes.subarray(at, at + length)));
    failOn(message);
    if (message.type === 'LOGGED_IN') this.#to.ready();
    if (message.type === 'ACKNOWLEDGED') {
      this.#to.acknowledged(message.number - this.#acknowledged);
      this.#acknowledged = message.number;
    }
    return length;
  }
}

/** @throws Error when a message says that something went wrong: then there is nothing to measure */
function failOn(message: ServerMessage): void {
  if (message.type !== 'ERROR' && message.type !== 'REJECTED' && message.type !== 'REFUSED') return;
  throw new Error(`${message.code}: ${message.message}`);
}
