import { connect, type Socket } from 'node:net';
import { blockHeaderBytes } from '../../../protocol/block.js';
import {
  blockFirstSeq,
  type ClientMessage,
  decodePayloads,
  decodeServerMessage,
  encodeMessage,
  encodePayloads,
  encodePublishHeader,
  FrameReader,
  FrameType,
  frameType,
  limits,
  protocolVersion,
  readBlockHeader,
  type ServerMessage,
  verifyBlock,
} from '../../../protocol/index.js';
import { within } from '../../support/deadline.js';

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
type Login = Extract<ClientMessage, { type: 'LOGIN' }>;
type Subscribe = Omit<Extract<ClientMessage, { type: 'SUBSCRIBE' }>, 'type' | 'request'>;

/** A range that was announced as lost. */
export type Lost = Pick<Of<'LOST'>, 'from' | 'to' | 'reason'>;

/** A block that was delivered, verified. */
export interface Delivery {
  log: number;
  firstSeq: number;
  lastSeq: number;
  /** Views of what was received, in order. */
  payloads(): Iterable<Buffer>;
}

/** What a client is told as it happens; frames arrive in this order on the wire. */
export interface RawClientEvents {
  block?(delivery: Delivery): void;
  message?(message: ServerMessage): void;
}

/** Why a connection is over. */
export interface Closure {
  /** The ERROR that came before the end. */
  error?: Of<'ERROR'>;
}

/** A connection is over before what was wanted of it. What a server did against the rules is another error. */
export class ConnectionEnded extends Error {
  constructor(what: string, { error }: Closure) {
    super(`connection ended before ${what}: ${error ? `${error.code}, ${error.message}` : 'no ERROR'}`);
  }
}

interface Waiter {
  resolve(message: ServerMessage): void;
  reject(error: Error): void;
}

interface Range {
  next: number;
  to: number;
  texts: string[];
  lost: Lost[];
}

/**
 * A client made of nothing but the protocol, which trusts no server: every block must have its crc, and every number of
 * a subscription must follow the one before. A server that breaks the rules fails whatever the test waits for.
 */
export class RawClient {
  readonly loggedIn: Of<'LOGGED_IN'>;
  /** Resolves when the connection is gone; rejects when the server broke the rules. */
  readonly closed: Promise<Closure>;
  readonly lost: Lost[] = [];
  readonly #socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMax);
  readonly #events: RawClientEvents;
  readonly #next = new Map<number, number>();
  readonly #answers = new Map<number, Waiter>();
  readonly #ranges = new Map<number, Range>();
  readonly #unsubscribed = new Map<number, () => void>();
  readonly #heartbeat: NodeJS.Timeout;
  #close!: (closure: Closure) => void;
  #break!: (error: Error) => void;
  #error: Of<'ERROR'> | undefined;
  #over = false;
  #heardMs = performance.now();
  #lastRequest = 0;
  #onLoggedIn: ((message: Of<'LOGGED_IN'>) => void) | undefined;

  private constructor(socket: Socket, events: RawClientEvents) {
    this.#socket = socket;
    this.#events = events;
    this.loggedIn = undefined as never;
    this.closed = new Promise((resolve, reject) => {
      this.#close = resolve;
      this.#break = reject;
    });
    this.closed.catch(() => {});
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#gone());
    this.#heartbeat = setInterval(() => this.#tick(), limits.heartbeatMs);
  }

  /** Connect and log in. @throws ConnectionEnded when there is nobody, or the connection ends first */
  static async connect(port: number, login: Partial<Login> = {}, events: RawClientEvents = {}): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket, events);
    const loggedIn = new Promise<Of<'LOGGED_IN'>>((resolve) => {
      client.#onLoggedIn = resolve;
    });
    const ended = client.closed.then((closure) => {
      throw new ConnectionEnded('LOGGED_IN', closure);
    });
    client.send({ type: 'LOGIN', versions: [protocolVersion], ...login });
    try {
      (client as { loggedIn: Of<'LOGGED_IN'> }).loggedIn = await within(Promise.race([loggedIn, ended]), 'LOGGED_IN');
    } catch (error) {
      client.cut();
      throw error;
    }
    return client;
  }

  /** Whether the connection is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** The number a log's subscription goes on with. */
  next(log: number): number {
    return this.#next.get(log) ?? 0;
  }

  send(message: ClientMessage): void {
    if (!this.#over) this.#socket.write(encodeMessage(message));
  }

  /** Send a publish of the active session. */
  publish(number: number, payloads: readonly Uint8Array[]): void {
    const encoded = encodePayloads(payloads);
    this.#socket.cork();
    this.#socket.write(encodePublishHeader(number, '', encoded));
    this.#socket.write(encoded.bytes);
    this.#socket.uncork();
  }

  /** Ask for a subscription; resolves with whatever the answer is. */
  async subscribe(body: Subscribe = {}): Promise<Of<'SUBSCRIBED' | 'REJECTED' | 'RESET'>> {
    return (await this.#ask((request) => ({ type: 'SUBSCRIBE', request, ...body }))) as Of<'SUBSCRIBED'>;
  }

  /** Ask for a subscription that is granted. */
  async subscribed(body: Subscribe = {}): Promise<Of<'SUBSCRIBED'>> {
    const answer = await this.subscribe(body);
    if (answer.type !== 'SUBSCRIBED') throw new Error(`expected SUBSCRIBED, got ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Resolves when the subscription has ended. */
  async unsubscribe(log: number): Promise<void> {
    const done = new Promise<void>((resolve) => this.#unsubscribed.set(log, resolve));
    this.send({ type: 'UNSUBSCRIBE', log });
    await this.#orBroken(done, 'UNSUBSCRIBED');
  }

  /** Ask for a range; resolves with its messages and what of it was lost. */
  async rerequest(from: number, to: number, session?: string): Promise<{ texts: string[]; lost: Lost[] }> {
    const range: Range = { next: from, to, texts: [], lost: [] };
    const answer = await this.#ask((request) => {
      this.#ranges.set(request, range);
      return { type: 'REREQUEST', request, from, to, ...(session !== undefined && { session }) };
    });
    if (answer.type !== 'RETRANSMITTED') throw new Error(`expected RETRANSMITTED, got ${JSON.stringify(answer)}`);
    if (range.next !== to + 1) throw new Error(`retransmission of [${from}..${to}] ended before ${range.next}`);
    if (answer.messages !== range.texts.length) throw new Error(`RETRANSMITTED counts ${answer.messages} messages`);
    return range;
  }

  async sessions(): Promise<Of<'SESSION_LIST'>['sessions']> {
    return ((await this.#ask((request) => ({ type: 'SESSIONS', request }))) as Of<'SESSION_LIST'>).sessions;
  }

  async inspect(): Promise<Record<string, unknown>> {
    return ((await this.#ask((request) => ({ type: 'INSPECT', request }))) as Of<'INSPECTION'>).state;
  }

  /** Read nothing more; heartbeats go on. */
  stall(): void {
    this.#socket.pause();
  }

  /** Read again. */
  resume(): void {
    this.#heardMs = performance.now();
    this.#socket.resume();
  }

  /** End the connection without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Both sides send heartbeats; a server that is not heard has gone, whatever its socket says. */
  #tick(): void {
    const silentMs = performance.now() - this.#heardMs;
    if (!this.#socket.isPaused() && silentMs > limits.silenceMs) this.cut();
    else this.send({ type: 'HEARTBEAT' });
  }

  async #ask(message: (request: number) => ClientMessage): Promise<ServerMessage> {
    const request = ++this.#lastRequest;
    const answer = new Promise<ServerMessage>((resolve, reject) => this.#answers.set(request, { resolve, reject }));
    const asked = message(request);
    this.send(asked);
    return await this.#orBroken(answer, `the answer to ${asked.type}`);
  }

  async #orBroken<T>(promise: Promise<T>, what: string): Promise<T> {
    const ended = this.closed.then((closure) => {
      throw new ConnectionEnded(what, closure);
    });
    return await within(Promise.race([promise, ended]), what);
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#heardMs = performance.now();
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) this.#frame(frame);
    } catch (error) {
      this.#over = true;
      this.#break(error as Error);
      this.#socket.destroy();
    }
  }

  #frame(frame: Buffer): void {
    const type = frameType(frame);
    if (this.#onLoggedIn && type !== FrameType.LOGGED_IN && type !== FrameType.ERROR) {
      throw new Error(`frame of type ${type} before LOGGED_IN`);
    }
    if (type === FrameType.MESSAGES) return this.#block(frame);
    if (type === FrameType.RETRANSMISSION) return this.#retransmission(frame);
    this.#message(decodeServerMessage(frame));
  }

  #block(frame: Buffer): void {
    if (!verifyBlock(frame)) throw new Error(`a block of ${frame.length} bytes has a wrong crc`);
    const { log, firstSeq, lastSeq } = readBlockHeader(frame);
    this.#advance(log, firstSeq, lastSeq);
    this.#events.block?.({ log, firstSeq, lastSeq, payloads: () => decodePayloads(frame, blockHeaderBytes) });
  }

  #advance(log: number, firstSeq: number, lastSeq: number): void {
    const next = this.#next.get(log);
    if (next !== firstSeq) throw new Error(`log ${log}: expected ${next}, got [${firstSeq}..${lastSeq}]`);
    this.#next.set(log, lastSeq + 1);
  }

  /** The crc covers neither type nor log, so it holds for a retransmission too. */
  #retransmission(frame: Buffer): void {
    if (!verifyBlock(frame)) throw new Error('a retransmission has a wrong crc');
    const range = this.#ranges.get(readBlockHeader(frame).log);
    if (!range || range.next !== blockFirstSeq(frame)) {
      throw new Error(`retransmission: expected ${range?.next}, got ${blockFirstSeq(frame)}`);
    }
    for (const payload of decodePayloads(frame, blockHeaderBytes)) range.texts.push(payload.toString());
    range.next = readBlockHeader(frame).lastSeq + 1;
  }

  #message(message: ServerMessage): void {
    if (message.type === 'SUBSCRIBED') this.#next.set(message.log, message.from);
    if (message.type === 'LOST') this.#onLost(message);
    if (message.type === 'LIVE') this.#expectPosition(message.log, message.seq + 1, 'LIVE');
    if (message.type === 'END_OF_SESSION') this.#expectPosition(message.log, message.lastSeq + 1, 'END_OF_SESSION');
    if (message.type === 'ERROR') this.#error = message;
    if (message.type === 'LOGGED_IN') {
      this.#onLoggedIn?.(message);
      this.#onLoggedIn = undefined;
    }
    if (message.type === 'UNSUBSCRIBED') {
      this.#next.delete(message.log);
      this.#unsubscribed.get(message.log)?.();
      this.#unsubscribed.delete(message.log);
    }
    this.#events.message?.(message);
    if ('request' in message && message.request !== undefined && message.type !== 'LOST') {
      this.#answers.get(message.request)?.resolve(message);
      this.#answers.delete(message.request);
    }
  }

  #onLost({ log, request, from, to, reason }: Of<'LOST'>): void {
    if (log !== undefined) {
      this.#advance(log, from, to);
      this.lost.push({ from, to, reason });
      return;
    }
    const range = this.#ranges.get(request!);
    if (!range || range.next !== from) throw new Error(`LOST of a range: expected ${range?.next}, got ${from}`);
    range.lost.push({ from, to, reason });
    range.next = to + 1;
  }

  #expectPosition(log: number, expected: number, what: string): void {
    const next = this.#next.get(log);
    if (next !== expected) throw new Error(`${what} says ${expected} is next, deliveries say ${next}`);
  }

  #gone(): void {
    this.#over = true;
    clearInterval(this.#heartbeat);
    this.#close(this.#error ? { error: this.#error } : {});
  }
}
