import type { ReceiptRun } from '../../protocol/index.js';
import type { FakeConnection, Received } from '../support/fake-connection.js';
import { FakeServer, textsOf } from './fake-server.js';

type Publish = Extract<Received, { type: 'PUBLISH' }>;
type Subscribe = Extract<Received, { type: 'SUBSCRIBE' }>;

/**
 * One log and one publisher, kept by the rules of the wire: repeats, gaps, go-back-N. Everything that may go wrong does,
 * as the random numbers will: publishes are refused with each remedy, and the connection breaks before and after things
 * are written, acknowledged and delivered.
 */
export class UnreliableServer {
  readonly #random: () => number;
  readonly #server: FakeServer;
  /** What was written: the text of message n at index n - 1. */
  readonly log: string[] = [];
  readonly #receipts = new Map<number, ReceiptRun>();
  #published = 0;
  #refusing = false;
  /** How often each thing happened. */
  readonly mishaps = { refused: 0, gone: 0, unknown: 0, dropped: 0 };
  /** No more mishaps: let everything come to an end. */
  calm = false;
  #stopped = false;

  private constructor(server: FakeServer, random: () => number) {
    this.#server = server;
    this.#random = random;
    void this.#serve();
  }

  static async start(random: () => number): Promise<UnreliableServer> {
    return new UnreliableServer(await FakeServer.start(), random);
  }

  get port(): number {
    return this.#server.port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#server.stop();
  }

  #happens(probability: number): boolean {
    return !this.calm && this.#random() < probability;
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const connection = await this.#server.accept().catch(() => undefined);
      if (connection) void this.#converse(connection).catch(() => connection.drop());
    }
  }

  async #converse(connection: FakeConnection): Promise<void> {
    await connection.login({ published: this.#published });
    this.#refusing = false;
    let closed = false;
    void connection.closed.then(() => {
      closed = true;
    });
    let position: number | undefined;
    while (!closed) {
      for (const message of connection.takeAll()) {
        if (closed) return;
        if (message.type === 'PUBLISH') this.#publish(connection, message);
        if (message.type === 'SUBSCRIBE') position = this.#subscribe(connection, message);
      }
      if (position !== undefined) position = this.#deliver(connection, position);
      if (this.#happens(0.02)) this.#drop(connection);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #drop(connection: FakeConnection): void {
    this.mishaps.dropped += 1;
    // Half of the time what was sent still arrives.
    if (this.#happens(0.5)) connection.socket.end();
    else connection.drop();
  }

  #publish(connection: FakeConnection, publish: Publish): void {
    const { number, session } = publish;
    const receipt = this.#receipts.get(number);
    if (receipt) {
      connection.acknowledge(number, [receipt]);
      return;
    }
    if (number > this.#published + 1) {
      if (!this.#refusing) throw new Error(`gap: publish ${number} after ${this.#published}`);
      return;
    }
    this.#refusing = true;
    if (session === 'gone') {
      this.mishaps.gone += 1;
      connection.refuse(number, { code: 'ERR_UNKNOWN_SESSION', remedy: 'never' });
    } else if (this.#happens(0.05)) {
      this.mishaps.refused += 1;
      connection.refuse(number);
    } else {
      this.#refusing = false;
      this.#write(connection, publish);
    }
  }

  #write(connection: FakeConnection, publish: Publish): void {
    const { number } = publish;
    const texts = textsOf(publish);
    const run: ReceiptRun = [number, 1, this.log.length + 1, texts.length];
    this.log.push(...texts);
    this.#receipts.set(number, run);
    this.#published = number;
    const fate = this.calm ? 1 : this.#random();
    if (fate < 0.05) {
      this.mishaps.unknown += 1;
      this.#refusing = true;
      connection.refuse(number, { code: 'ERR_OUTCOME_UNKNOWN', remedy: 'reconnect' });
    } else if (fate < 0.08) this.#drop(connection);
    else connection.acknowledge(number, [run]);
  }

  #subscribe(connection: FakeConnection, { request, from = 1 }: Subscribe): number {
    const lastSeq = this.log.length;
    connection.send({
      type: 'SUBSCRIBED',
      request,
      log: 1,
      source: 'main',
      session: 'S1',
      epoch: 'e1',
      state: 'active',
      from,
      lastSeq,
    });
    return from;
  }

  #deliver(connection: FakeConnection, position: number): number {
    const most = 1 + Math.floor(this.#random() * 50);
    const texts = this.log.slice(position - 1, position - 1 + most);
    if (texts.length > 0) connection.messages(position, texts);
    return position + texts.length;
  }
}
