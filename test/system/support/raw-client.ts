import { connect, type Socket } from 'node:net';
import {
  type ClientMessage,
  decodeServerMessage,
  FrameType,
  frameType,
  limits,
  protocolVersion,
  type ServerMessage,
} from '../../../protocol/index.js';
import { within } from '../../support/deadline.js';
import { FrameSocket } from '../../support/frame-socket.js';
import { publishFrame } from '../../support/frames.js';
import { type Delivery, type Lost, Positions } from './positions.js';
import { type Range, Retransmissions } from './retransmissions.js';

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
type Login = Extract<ClientMessage, { type: 'LOGIN' }>;
type Subscribe = Omit<Extract<ClientMessage, { type: 'SUBSCRIBE' }>, 'type' | 'request'>;

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

/**
 * A client made of nothing but the protocol, which trusts no server: every block must have its crc, and every number of
 * a subscription must follow the one before. A server that breaks the rules fails whatever the test waits for.
 */
export class RawClient {
  readonly loggedIn: Of<'LOGGED_IN'>;
  /** Resolves when the connection is gone; rejects when the server broke the rules. */
  readonly closed: Promise<Closure>;
  readonly #socket: Socket;
  readonly #frames: FrameSocket<ClientMessage>;
  readonly #events: RawClientEvents;
  readonly #positions = new Positions();
  readonly #retransmissions = new Retransmissions();
  readonly #answers = new Map<number, (answer: ServerMessage) => void>();
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
    this.#frames = new FrameSocket(socket, {
      frame: (frame) => this.#frame(frame),
      broken: (error) => this.#broken(error),
    });
    socket.on('data', () => {
      this.#heardMs = performance.now();
    });
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
    return this.#positions.next(log) ?? 0;
  }

  /** What its subscriptions were told is lost. */
  get lost(): readonly Lost[] {
    return this.#positions.lost;
  }

  send(message: ClientMessage): void {
    if (!this.#over) this.#frames.send(message);
  }

  /** Send a publish of the active session. */
  publish(number: number, payloads: readonly Uint8Array[]): void {
    this.#frames.send(publishFrame(number, payloads));
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
    let range: Range | undefined;
    const answer = await this.#ask((request) => {
      range = this.#retransmissions.expect(request, from, to);
      return { type: 'REREQUEST', request, from, to, ...(session !== undefined && { session }) };
    });
    if (answer.type !== 'RETRANSMITTED') throw new Error(`expected RETRANSMITTED, got ${JSON.stringify(answer)}`);
    this.#retransmissions.complete(range!, answer);
    return range!;
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
    const answer = new Promise<ServerMessage>((resolve) => this.#answers.set(request, resolve));
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

  #broken(error: Error): void {
    this.#over = true;
    this.#break(error);
    this.#socket.destroy();
  }

  #frame(frame: Buffer): void {
    const type = frameType(frame);
    if (this.#onLoggedIn && type !== FrameType.LOGGED_IN && type !== FrameType.ERROR) {
      throw new Error(`frame of type ${type} before LOGGED_IN`);
    }
    if (type === FrameType.MESSAGES) {
      const delivery = this.#positions.block(frame);
      this.#events.block?.(delivery);
    } else if (type === FrameType.RETRANSMISSION) this.#retransmissions.block(frame);
    else this.#message(decodeServerMessage(frame));
  }

  #message(message: ServerMessage): void {
    this.#positions.message(message);
    if (message.type === 'LOST' && message.log === undefined) this.#retransmissions.lost(message);
    if (message.type === 'ERROR') this.#error = message;
    if (message.type === 'LOGGED_IN') {
      this.#onLoggedIn?.(message);
      this.#onLoggedIn = undefined;
    }
    if (message.type === 'UNSUBSCRIBED') {
      this.#unsubscribed.get(message.log)?.();
      this.#unsubscribed.delete(message.log);
    }
    this.#events.message?.(message);
    if ('request' in message && message.request !== undefined && message.type !== 'LOST') {
      this.#answers.get(message.request)?.(message);
      this.#answers.delete(message.request);
    }
  }

  #gone(): void {
    this.#over = true;
    clearInterval(this.#heartbeat);
    this.#close(this.#error ? { error: this.#error } : {});
  }
}
