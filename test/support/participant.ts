import { onTestFinished } from 'vitest';
import {
  blockBody,
  blockFirstSeq,
  type ClientMessage,
  decodePayloads,
  encodePublishHeader,
  type GroupCommand,
  type ServerMessage,
} from '../../protocol/index.js';
import { eventually, until } from './deadline.js';
import { texts } from './payloads.js';
import { Wire } from './wire.js';

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
export type Answer = Of<'MEMBER'> | Of<'REJECTED'> | Of<'SUBSCRIBED'>;

/** What a participant is sent, in order: a text for a message, `lost a..b` for a range that has expired. */
export class Received {
  readonly lines: string[] = [];
  readonly others: ServerMessage[] = [];
  /** Messages in each frame. */
  readonly sizes: number[] = [];
  readonly #seqs: Record<'received' | 'expired', number[]> = { received: [], expired: [] };
  /** The number the next frame has to start with; any, while it is unset. */
  next: number | undefined;

  message(message: ServerMessage): void {
    if (message.type === 'LOST') {
      this.#follow('expired', message.from, message.to - message.from + 1);
      this.lines.push(`${message.reason} ${message.from}..${message.to}`);
    } else {
      if (message.type === 'MEMBER' && message.state === 'online') this.next = message.from;
      this.others.push(message);
    }
  }

  block(block: Buffer): void {
    const found = [...decodePayloads(blockBody(block))].map((payload) => payload.toString());
    this.#follow('received', blockFirstSeq(block), found.length);
    this.lines.push(...found);
    this.sizes.push(found.length);
  }

  #follow(what: 'received' | 'expired', seq: number, count: number): void {
    if (this.next !== undefined && seq !== this.next) throw new Error(`expected number ${this.next}, found ${seq}`);
    this.next = seq + count;
    for (let one = seq; one < this.next; one += 1) this.#seqs[what].push(one);
  }

  /** Numbers of the messages that were received, or have expired. */
  seqs(what: 'received' | 'expired'): number[] {
    return [...this.#seqs[what]];
  }

  /** Wait until so many messages were received, or have expired. */
  async reached(count: number): Promise<void> {
    const reached = () => this.#seqs.received.length + this.#seqs.expired.length;
    await until(() => reached() >= count, `${count} messages`);
  }

  /** Wait until so much was received. */
  async has(count: number): Promise<string[]> {
    await until(() => this.lines.length >= count, `${count} lines, found ${JSON.stringify(this.lines.slice(-5))}`);
    return this.lines;
  }

  async hears<Type extends ServerMessage['type']>(type: Type): Promise<Of<Type>> {
    const find = () => this.others.find((message) => message.type === type);
    await until(() => find() !== undefined, `${type}, heard ${JSON.stringify(this.others)}`);
    return find() as Of<Type>;
  }
}

/** A participant reduced to the wire, with one connection for its commands and messages. */
export class Participant {
  readonly received = new Received();
  /** Where the server is reached; it may come back at another one. */
  port: number;
  readonly #id: string;
  readonly #group: string;
  #wire: Wire | undefined;
  #lastRequest = 0;
  log = 0;
  #epoch = '';

  constructor(port: number, id: string, group = 'news') {
    this.port = port;
    this.#id = id;
    this.#group = group;
    onTestFinished(() => this.#wire?.close());
  }

  /** A command over the connection there is, or a new one. */
  async command(action: GroupCommand['action'], more: Partial<GroupCommand> = {}): Promise<Answer> {
    const answer = await this.#ask({
      type: 'GROUP',
      request: ++this.#lastRequest,
      action,
      group: this.#group,
      participant: this.#id,
      ...more,
    });
    if (answer.type === 'MEMBER') ({ log: this.log, epoch: this.#epoch } = answer);
    return answer;
  }

  /** It comes back with what it knows of its position; as often as its broken connection has not been noticed. */
  async returns(): Promise<Of<'MEMBER'>> {
    const position = { delivered: this.received.next! - 1, epoch: this.#epoch };
    return await eventually(async () => {
      const answer = await this.command('reconnect', position);
      return answer.type === 'MEMBER' ? answer : undefined;
    }, `${this.#id} to be back`);
  }

  /** Ask for the session of a source to be rolled. */
  roll(source: string): Promise<Answer> {
    return this.#ask({ type: 'ROLL', request: ++this.#lastRequest, source, reason: 'why not' });
  }

  async #ask(question: ClientMessage & { request: number }): Promise<Answer> {
    if (this.isBroken) {
      this.#wire = await Wire.open(this.port, {}, this.received);
      this.#wire.socket.on('error', () => {});
    }
    this.#wire!.send(question);
    const { request } = question;
    const answered = (it: ServerMessage): it is Answer =>
      (it.type === 'MEMBER' || it.type === 'REJECTED' || it.type === 'SUBSCRIBED') && it.request === request;
    await until(() => this.received.others.some(answered), `the answer to ${JSON.stringify(question)}`);
    return this.received.others.find(answered)!;
  }

  /** As {@link command}, which must be granted. */
  async does(action: GroupCommand['action'], more: Partial<GroupCommand> = {}): Promise<Of<'MEMBER'>> {
    const answer = await this.command(action, more);
    if (answer.type !== 'MEMBER') throw new Error(`${action} of ${this.#id}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** What it has received it has dealt with. */
  delivered(seq = this.received.next! - 1): void {
    this.#wire!.send({ type: 'DELIVERED', log: this.log, seq });
  }

  /** It wants nothing more of the log of its group. */
  unsubscribe(): void {
    this.#wire!.send({ type: 'UNSUBSCRIBE', log: this.log });
  }

  /** Ask for the messages of a source as anybody may. */
  subscribe(source: string): Promise<Answer> {
    return this.#ask({ type: 'SUBSCRIBE', request: ++this.#lastRequest, source });
  }

  /** Whether it has no connection, or none that works. */
  get isBroken(): boolean {
    return this.#wire === undefined || this.#wire.socket.destroyed;
  }

  /** Its connection breaks, without a word. */
  break(): void {
    this.#wire?.socket.destroy();
    this.#wire = undefined;
  }

  /** Send messages over a connection of its own, all in one publish; resolves when they are durable, or refused. */
  async msend(...messages: string[]): Promise<Of<'ACKNOWLEDGED' | 'REFUSED' | 'ERROR'>> {
    const answers: ServerMessage[] = [];
    const wire = await Wire.open(
      this.port,
      { source: this.#group, publisher: this.#id },
      {
        message: (message) => {
          answers.push(message);
          if (message.type !== 'LOGGED_IN') return;
          const payloads = texts(...messages);
          wire.write(encodePublishHeader(message.published + 1, '', payloads), payloads.bytes);
        },
      },
    );
    const settled = (it: ServerMessage): it is Of<'ACKNOWLEDGED' | 'REFUSED' | 'ERROR'> =>
      ['ACKNOWLEDGED', 'REFUSED', 'ERROR'].includes(it.type);
    await until(() => answers.some(settled), 'the answer to a publish');
    wire.close();
    return answers.find(settled)!;
  }
}
