import { createConnection, type Socket } from 'node:net';
import {
  blockBody,
  blockFirstSeq,
  blockLastSeq,
  type ClientMessage,
  decodePayloads,
  decodeServerMessage,
  FrameType,
  frameType,
  protocolVersion,
  type ServerMessage,
} from '../../protocol/index.js';
import { within } from '../support/deadline.js';
import { FrameSocket } from '../support/frame-socket.js';
import { publishFrame } from '../support/frames.js';
import { Inbox } from '../support/inbox.js';

/** A block as it arrived. */
export interface ReceivedBlock<Type extends 'MESSAGES' | 'RETRANSMISSION'> {
  type: Type;
  firstSeq: number;
  lastSeq: number;
  payloads: Buffer[];
}

export type Received = ServerMessage | ReceivedBlock<'MESSAGES'> | ReceivedBlock<'RETRANSMISSION'>;
export type ReceivedOf<Type extends Received['type']> = Extract<Received, { type: Type }>;
type LoginFields = Partial<Omit<Extract<ClientMessage, { type: 'LOGIN' }>, 'type'>>;

/**
 * A client that sends whatever it is told to, right or wrong, and keeps what it is answered. It answers heartbeats with
 * heartbeats, unless it is told to be mute.
 */
export class RawClient {
  readonly socket: Socket;
  readonly inbox = new Inbox<Received>();
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Whether heartbeats are left unanswered. */
  mute = false;
  readonly #heartbeats = new Set<() => void>();
  readonly #frames: FrameSocket<ClientMessage>;
  /** Takes the frames in place of the inbox. */
  onFrame: ((received: Received) => void) | undefined;
  #gone = false;

  constructor(port: number, onFrame?: (received: Received) => void) {
    this.onFrame = onFrame;
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => {});
    this.#frames = new FrameSocket(this.socket, { frame: (frame) => this.#receive(frame) });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#gone = true;
        this.inbox.close('the connection is closed');
        resolve();
      });
    });
  }

  /** A client whose connection is established. */
  static async connect(port: number, onFrame?: (received: Received) => void): Promise<RawClient> {
    const client = new RawClient(port, onFrame);
    await within(new Promise<void>((resolve) => client.socket.once('connect', resolve)), 'a connection');
    return client;
  }

  /** A client that has logged in. */
  static async loggedIn(port: number, login: LoginFields = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.login(login);
    return client;
  }

  get gone(): boolean {
    return this.#gone;
  }

  write(bytes: Uint8Array | string): boolean {
    return this.#frames.write(bytes);
  }

  send(message: ClientMessage): boolean {
    return this.#frames.send(message);
  }

  async login(fields: LoginFields = {}): Promise<ReceivedOf<'LOGGED_IN'>> {
    this.send({ type: 'LOGIN', versions: [protocolVersion], ...fields });
    return this.take('LOGGED_IN');
  }

  publish(number: number, payloads: readonly Uint8Array[], session = ''): boolean {
    return this.write(publishFrame(number, payloads, session));
  }

  /** The next frame of this type; others stay where they are. */
  take<Type extends Received['type']>(type: Type, deadlineMs?: number): Promise<ReceivedOf<Type>> {
    const fits = (received: Received): received is ReceivedOf<Type> => received.type === type;
    return this.inbox.take(fits, type, deadlineMs);
  }

  /** The code of the ERROR this client gets, once its connection is closed behind it. */
  async errorThenClose(deadlineMs?: number): Promise<string> {
    const { code } = await this.take('ERROR', deadlineMs);
    await within(this.closed, `the close behind ${code}`);
    return code;
  }

  /** Resolves at the server's next heartbeat. */
  heartbeat(): Promise<void> {
    return within(new Promise<void>((resolve) => this.#heartbeats.add(resolve)), 'a heartbeat');
  }

  destroy(): void {
    this.socket.destroy();
  }

  #beat(): void {
    if (!this.mute && !this.#gone) this.send({ type: 'HEARTBEAT' });
    for (const beat of this.#heartbeats) beat();
    this.#heartbeats.clear();
  }

  #receive(frame: Buffer): void {
    const received = readFrame(frame);
    if (received.type === 'HEARTBEAT') this.#beat();
    if (this.onFrame) this.onFrame(received);
    else if (received.type !== 'HEARTBEAT') this.inbox.push(received);
  }
}

function readFrame(frame: Buffer): Received {
  const code = frameType(frame);
  if (code !== FrameType.MESSAGES && code !== FrameType.RETRANSMISSION) return decodeServerMessage(frame);
  return {
    type: code === FrameType.MESSAGES ? 'MESSAGES' : 'RETRANSMISSION',
    firstSeq: blockFirstSeq(frame),
    lastSeq: blockLastSeq(frame),
    payloads: [...decodePayloads(blockBody(frame))],
  };
}
