import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  blockBody,
  type ClientMessage,
  decodeClientMessage,
  encodeMessage,
  encodePayloads,
  FrameReader,
  FrameType,
  frameType,
  limits,
  type Publish,
  readPublish,
  retransmissionHeader,
  type ServerMessage,
  sealBlock,
} from '../../protocol/index.js';
import { within } from '../support/deadline.js';

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
export type Received = ClientMessage | ({ type: 'PUBLISH' } & Publish);
type ReceivedOf<Type extends Received['type']> = Extract<Received, { type: Type }>;

/** One connection of the fake server: what the client sent, in order, and ways to answer it. */
export class FakeConnection {
  readonly socket: Socket;
  /** Resolves when the client's side is gone. */
  readonly closed: Promise<void>;
  readonly #reader = new FrameReader(limits.frameBytesMax);
  readonly #inbox: Received[] = [];
  readonly #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) this.#receive(frame);
    });
  }

  #receive(frame: Buffer): void {
    const message: Received =
      frameType(frame) === FrameType.PUBLISH ? { type: 'PUBLISH', ...readPublish(frame) } : decodeClientMessage(frame);
    this.#inbox.push(message);
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Messages received and not taken. */
  get pending(): readonly Received[] {
    return this.#inbox;
  }

  /** The next message, heartbeats left out, which must be of this type. */
  async take<Type extends Received['type']>(type: Type): Promise<ReceivedOf<Type>> {
    const message = await this.#next((found) => type === 'HEARTBEAT' || found.type !== 'HEARTBEAT', type);
    if (message.type !== type) throw new Error(`expected ${type}, the client sent ${JSON.stringify(message)}`);
    return message as ReceivedOf<Type>;
  }

  /** Everything received and not taken, taken. */
  takeAll(): Received[] {
    return this.#inbox.splice(0);
  }

  async #next(wanted: (message: Received) => boolean, what: string): Promise<Received> {
    for (;;) {
      const index = this.#inbox.findIndex(wanted);
      if (index !== -1) return this.#inbox.splice(index, 1)[0]!;
      await within(new Promise<void>((resolve) => this.#waiters.push(resolve)), what);
    }
  }

  /** Take the LOGIN and answer it. */
  async login(fields: Partial<Of<'LOGGED_IN'>> = {}): Promise<ReceivedOf<'LOGIN'>> {
    const login = await this.take('LOGIN');
    this.send({
      type: 'LOGGED_IN',
      version: 1,
      server: 'fake/1',
      source: 'main',
      durability: 'disk',
      published: 0,
      heartbeatMs: limits.heartbeatMs,
      silenceMs: limits.silenceMs,
      frameBytesMax: limits.frameBytesMax,
      publishWindowBytes: limits.publishWindowBytes,
      publishesInFlightMax: limits.publishesInFlightMax,
      ...fields,
    });
    return login;
  }

  send(message: ServerMessage): void {
    this.socket.write(encodeMessage(message));
  }

  /** Take a SUBSCRIBE and accept it. */
  async subscribed(fields: Partial<Of<'SUBSCRIBED'>> = {}): Promise<ReceivedOf<'SUBSCRIBE'>> {
    const request = await this.take('SUBSCRIBE');
    this.send({
      type: 'SUBSCRIBED',
      request: request.request,
      log: 1,
      source: 'main',
      session: 'S1',
      epoch: 'e1',
      state: 'active',
      from: request.from || 1,
      lastSeq: 0,
      ...fields,
    });
    return request;
  }

  /** A MESSAGES frame with one text per message. */
  messages(firstSeq: number, texts: readonly string[], log = 1): void {
    this.socket.write(textBlock(firstSeq, texts, log));
  }

  retransmit(request: number, firstSeq: number, texts: readonly string[]): void {
    const block = textBlock(firstSeq, texts, 1);
    this.socket.write(Buffer.concat([retransmissionHeader(block, request), blockBody(block)]));
  }

  acknowledge(number: number, runs: Of<'ACKNOWLEDGED'>['runs'], fields: Partial<Of<'ACKNOWLEDGED'>> = {}): void {
    this.send({
      type: 'ACKNOWLEDGED',
      source: 'main',
      session: 'S1',
      epoch: 'e1',
      durability: 'disk',
      number,
      runs,
      ...fields,
    });
  }

  refuse(number: number, fields: Partial<Of<'REFUSED'>> = {}): void {
    this.send({ type: 'REFUSED', number, code: 'ERR_NOT_WRITTEN', message: 'not written', remedy: 'retry', ...fields });
  }

  /** Cut the connection without a word. */
  drop(): void {
    this.socket.destroy();
  }
}

/** Blocks as a server would send them. */
export function textBlock(firstSeq: number, texts: readonly string[], log = 1): Buffer {
  return sealBlock(log, firstSeq, 1_700_000_000_000, [encodePayloads(texts.map((text) => Buffer.from(text)))]);
}

/** Texts of the payloads of a PUBLISH. */
export function textsOf({ payloads }: Publish): string[] {
  const texts: string[] = [];
  let { bytes } = payloads;
  while (bytes.length > 0) {
    if (bytes[0] !== 0xc4) throw new Error('the fake server reads short payloads only');
    texts.push(bytes.toString('utf8', 2, 2 + bytes[1]!));
    bytes = bytes.subarray(2 + bytes[1]!);
  }
  return texts;
}

/** A server that does what the test tells it, connection by connection. */
export class FakeServer {
  readonly #server: Server;
  readonly #connections: FakeConnection[] = [];
  readonly #arrived: FakeConnection[] = [];
  readonly #waiters: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const connection = new FakeConnection(socket);
      this.#connections.push(connection);
      this.#arrived.push(connection);
      for (const wake of this.#waiters.splice(0)) wake();
    });
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = createServer();
    const fake = new FakeServer(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections made so far. */
  get count(): number {
    return this.#connections.length;
  }

  /** The next connection that nobody has taken. */
  async accept(): Promise<FakeConnection> {
    while (this.#arrived.length === 0) {
      await within(new Promise<void>((resolve) => this.#waiters.push(resolve)), 'a connection');
    }
    return this.#arrived.shift()!;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
