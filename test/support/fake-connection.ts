import type { Socket } from 'node:net';
import {
  blockBody,
  type ClientMessage,
  decodeClientMessage,
  FrameType,
  frameType,
  limits,
  type Publish,
  readPublish,
  retransmissionHeader,
  type ServerMessage,
} from '../../protocol/index.js';
import { FrameSocket } from './frame-socket.js';
import { textBlock } from './frames.js';
import { Inbox } from './inbox.js';

type Of<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;
export type Received = ClientMessage | ({ type: 'PUBLISH' } & Publish);
export type ReceivedOf<Type extends Received['type']> = Extract<Received, { type: Type }>;

/** A server's end of a connection, played by a test: what the client sent, in order, and ways to answer it. */
export class FakeConnection {
  readonly socket: Socket;
  /** Resolves when the client's side is gone. */
  readonly closed: Promise<void>;
  readonly #frames: FrameSocket<ServerMessage>;
  readonly #inbox = new Inbox<Received>();

  constructor(socket: Socket) {
    this.socket = socket;
    this.#frames = new FrameSocket(socket, { frame: (frame) => this.#inbox.push(read(frame)) });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#inbox.close('the client has gone');
        resolve();
      });
    });
  }

  /** Messages received and not taken. */
  get pending(): readonly Received[] {
    return this.#inbox.items;
  }

  /** The next message, heartbeats left out, which must be of this type. */
  async take<Type extends Received['type']>(type: Type): Promise<ReceivedOf<Type>> {
    const fits = (found: Received): boolean => type === 'HEARTBEAT' || found.type !== 'HEARTBEAT';
    const message = await this.#inbox.take(fits, type);
    if (message.type !== type) throw new Error(`expected ${type}, the client sent ${JSON.stringify(message)}`);
    return message as ReceivedOf<Type>;
  }

  /** Everything received and not taken, taken. */
  takeAll(): Received[] {
    return this.#inbox.takeAll();
  }

  /** Take the LOGIN and answer it. */
  async login(fields: Partial<Of<'LOGGED_IN'>> = {}): Promise<ReceivedOf<'LOGIN'>> {
    const login = await this.take('LOGIN');
    const { heartbeatMs, silenceMs, frameBytesMax, publishWindowBytes, publishesInFlightMax } = limits;
    this.send({
      type: 'LOGGED_IN',
      version: 1,
      server: 'fake/1',
      source: 'main',
      durability: 'disk',
      published: 0,
      heartbeatMs,
      silenceMs,
      frameBytesMax,
      publishWindowBytes,
      publishesInFlightMax,
      ...fields,
    });
    return login;
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

  /** Take a GROUP and answer it: the participant is what it wants to be. */
  async member(fields: Partial<Of<'MEMBER'>> = {}): Promise<ReceivedOf<'GROUP'>> {
    const command = await this.take('GROUP');
    const { request, action } = command;
    const state = action === 'disconnect' ? 'away' : action === 'deregister' ? 'deregistered' : 'online';
    this.send(memberOf(command, { request, state, from: (command.delivered ?? 0) + 1, ...fields }));
    return command;
  }

  /** Send messages, and frames that are encoded already. */
  send(...frames: (ServerMessage | Buffer)[]): void {
    this.#frames.send(...frames);
  }

  /** A MESSAGES frame with one text per message. */
  messages(firstSeq: number, texts: readonly string[], log = 1): void {
    this.send(textBlock(firstSeq, texts, log));
  }

  retransmit(request: number, firstSeq: number, texts: readonly string[]): void {
    const block = textBlock(firstSeq, texts, 1);
    this.send(retransmissionHeader(block, request), blockBody(block));
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

/** What a server says of a participant. */
export function memberOf(
  { group, participant }: Pick<ReceivedOf<'GROUP'>, 'group' | 'participant'>,
  fields: Partial<Of<'MEMBER'>>,
): Of<'MEMBER'> {
  const place = { log: 1, session: 'S1', epoch: 'e1', from: 1, lastSeq: 0 };
  return { type: 'MEMBER', group, participant, state: 'online', tdMs: 60_000, ...place, ...fields };
}

function read(frame: Buffer): Received {
  if (frameType(frame) === FrameType.PUBLISH) return { type: 'PUBLISH', ...readPublish(frame) };
  return decodeClientMessage(frame);
}
