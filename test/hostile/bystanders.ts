import { strict as assert } from 'node:assert';
import { within } from '../support/deadline.js';
import { Inbox } from '../support/inbox.js';
import { RawClient, type Received, type ReceivedOf } from './raw-client.js';

let started = 0;

/** A subscriber of a busy stream sends a heartbeat whenever it got so many blocks. */
const blocksPerHeartbeat = 10;

/**
 * Two well-behaved clients of a server that others misuse: one publishes a message after the other, one has subscribed.
 * When they are asked at the end, they have noticed nothing: every publish was acknowledged, every message arrived once
 * and in order, and no connection was lost.
 */
export class Bystanders {
  readonly #name = `bystander-${++started}`;
  readonly #complaints: string[] = [];
  /** Acknowledged publishes, by number; progress of the world as a test may wait for it. */
  readonly #acknowledged = new Inbox<number>();
  readonly #delivered = new Inbox<number>();
  readonly #payloads: string[] = [];
  #publisher!: RawClient;
  #subscriber!: RawClient;
  #number = 0;
  #lastAcknowledged = 0;
  #lastSeq = 0;
  #next = 0;
  #blocks = 0;
  #publishing = true;

  static async start(port: number): Promise<Bystanders> {
    const bystanders = new Bystanders();
    await bystanders.#start(port);
    return bystanders;
  }

  /** Publishes acknowledged so far. */
  get publishes(): number {
    return this.#lastAcknowledged;
  }

  /** Resolves when so many more publishes are acknowledged: the server does its work. */
  async progress(publishes = 5): Promise<void> {
    const until = this.#lastAcknowledged + publishes;
    await this.#acknowledged.take((number) => number >= until, `${publishes} more acknowledgements to a bystander`);
  }

  /** Stop, and assert that nothing was noticed. */
  async noticeNothing(): Promise<void> {
    this.#publishing = false;
    const last = this.#number;
    if (this.#lastAcknowledged < last) {
      await this.#acknowledged.take((number) => number >= last, 'the last acknowledgement of a bystander');
    }
    if (this.#next <= this.#lastSeq) {
      await this.#delivered.take((seq) => seq >= this.#lastSeq, 'the last message to a bystander');
    }
    assert.deepEqual(this.#complaints, [], 'bystanders noticed something');
    assert.equal(this.#publisher.gone || this.#subscriber.gone, false, 'a bystander lost its connection');
    const expected = Array.from({ length: last }, (_, index) => `${this.#name}:${index + 1}`);
    assert.deepEqual(this.#payloads, expected, 'messages of the bystander, as the other one got them');
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#publishing = false;
    this.#publisher.destroy();
    this.#subscriber.destroy();
    await Promise.all([this.#publisher.closed, this.#subscriber.closed]);
  }

  async #start(port: number): Promise<void> {
    let live!: () => void;
    const isLive = new Promise<void>((resolve) => {
      live = resolve;
    });
    this.#subscriber = await RawClient.connect(port, (received) => this.#subscribed(received, live));
    this.#subscriber.send({ type: 'LOGIN', versions: [1], client: this.#name, subscribe: { request: 1 } });
    await within(isLive, 'a bystander to be live');
    this.#publisher = await RawClient.connect(port, (received) => this.#published(received));
    this.#publisher.send({ type: 'LOGIN', versions: [1], client: this.#name, publisher: this.#name });
    await this.progress(1);
  }

  #subscribed(received: Received, live: () => void): void {
    switch (received.type) {
      case 'LOGGED_IN':
      case 'HEARTBEAT':
        return;
      case 'SUBSCRIBED':
        this.#next = received.from;
        return;
      case 'LIVE':
        return live();
      case 'MESSAGES':
        return this.#messages(received);
      default:
        this.#complaints.push(`the subscriber was told ${JSON.stringify(received)}`);
    }
  }

  #messages({ firstSeq, lastSeq, payloads }: ReceivedOf<'MESSAGES'>): void {
    if (firstSeq !== this.#next) this.#complaints.push(`the subscriber expected ${this.#next}, got ${firstSeq}`);
    this.#next = lastSeq + 1;
    this.#blocks += 1;
    if (this.#blocks % blocksPerHeartbeat === 0) this.#subscriber.send({ type: 'HEARTBEAT' });
    for (const payload of payloads) {
      const text = payload.toString('latin1', 0, 40);
      if (text.startsWith(`${this.#name}:`)) this.#payloads.push(text);
    }
    this.#delivered.push(lastSeq);
  }

  #published(received: Received): void {
    if (received.type === 'LOGGED_IN') return this.#publishNext();
    if (received.type === 'HEARTBEAT') return;
    if (received.type !== 'ACKNOWLEDGED' || received.number !== this.#number) {
      this.#complaints.push(`the publisher was told ${JSON.stringify(received)}`);
      return;
    }
    this.#lastAcknowledged = received.number;
    this.#lastSeq = received.runs[0]![2];
    this.#acknowledged.push(received.number);
    if (this.#publishing) this.#publishNext();
  }

  #publishNext(): void {
    this.#number += 1;
    this.#publisher.publish(this.#number, [Buffer.from(`${this.#name}:${this.#number}`)]);
  }
}
