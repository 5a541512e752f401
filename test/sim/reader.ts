import { strict as assert } from 'node:assert';
import {
  blockBody,
  decodePayloads,
  readBlockHeader,
  type ServerMessage,
  type SubscribeBody,
  verifyBlock,
} from '../../protocol/index.js';
import { Wire } from '../support/wire.js';

/** The payload of message `seq`: whoever gets it sees at once whether it is where it belongs. */
export function messageText(seq: number): string {
  return `message ${seq}`.padEnd(64, '.');
}

/**
 * One subscriber. It holds every frame against what it may get: the run of numbers it asked for, without a gap, without a
 * duplicate, with the right content, and nothing after it has left.
 */
export class Reader {
  readonly name: string;
  /** First number it was promised; 0 until it was. */
  from = 0;
  /** Number of the message it is to get next. */
  next = 0;
  /** How often it was told that it is live. */
  livesTold = 0;
  /** First deviation found. */
  failure: Error | undefined;
  readonly #asked: Omit<SubscribeBody, 'request'>;
  readonly #moved: () => void;
  #wire!: Wire;
  #log = 0;
  #leaving = false;
  #left = false;

  /** @param moved called whenever it got something */
  constructor(name: string, asked: Omit<SubscribeBody, 'request'>, moved: () => void) {
    this.name = name;
    this.#asked = asked;
    this.#moved = moved;
  }

  async join(port: number): Promise<void> {
    const login = { client: this.name, subscribe: { request: 1, ...this.#asked } };
    this.#wire = await Wire.open(port, login, {
      message: (message) => this.#checked(() => this.#message(message)),
      block: (block) => this.#checked(() => this.#block(block)),
    });
  }

  /** Whether it was told that nothing more comes. */
  get left(): boolean {
    return this.#left;
  }

  pause(): void {
    this.#wire.socket.pause();
  }

  resume(): void {
    this.#wire.socket.resume();
  }

  unsubscribe(): void {
    this.#leaving = true;
    this.#wire.send({ type: 'UNSUBSCRIBE', log: this.#log });
  }

  close(): void {
    this.#wire?.close();
  }

  #message(message: ServerMessage): void {
    switch (message.type) {
      case 'LOGGED_IN':
      case 'HEARTBEAT':
        return;
      case 'SUBSCRIBED':
        this.#log = message.log;
        this.from = this.next = message.from;
        if (this.#asked.from)
          assert.equal(message.from, this.#asked.from, 'the promised start is not the one asked for');
        return;
      case 'LIVE':
        this.livesTold += 1;
        assert.equal(message.seq, this.next - 1, 'LIVE is not behind the last number delivered');
        return;
      case 'UNSUBSCRIBED':
        assert(this.#leaving, `the server ended the subscription: ${message.message}`);
        this.#left = true;
        return;
      default:
        assert.fail(`got ${JSON.stringify(message)}`);
    }
  }

  #block(block: Buffer): void {
    const { log, firstSeq, lastSeq } = readBlockHeader(block);
    assert(!this.#left, `[${firstSeq}..${lastSeq}] after UNSUBSCRIBED`);
    assert.equal(log, this.#log);
    assert.equal(firstSeq, this.next, 'gap or duplicate');
    assert(verifyBlock(block), `[${firstSeq}..${lastSeq}] is damaged`);
    const [first] = decodePayloads(blockBody(block));
    assert.equal(first!.toString(), messageText(firstSeq), 'another message than the one of this number');
    this.next = lastSeq + 1;
  }

  #checked(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.failure ??= new Error(`${this.name} at ${this.next}: ${(error as Error).message}`, { cause: error });
    }
    this.#moved();
  }
}
