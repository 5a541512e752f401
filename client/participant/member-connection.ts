import type { Socket } from 'node:net';
import {
  decodeServerMessage,
  FrameType,
  type GroupCommand,
  type LostRange,
  ProtocolError,
  type ServerMessage,
} from '../../protocol/index.js';
import { Connection, type ConnectionEvents, type ConnectionOptions } from '../connection.js';
import type { Environment } from '../environment.js';
import { abortedError, LatecomerError, reportedError } from '../errors.js';
import type { Membership } from './participant-types.js';

/** What the server says of a participant. */
export type Member = Extract<ServerMessage, { type: 'MEMBER' }>;

/** The same, for programs. */
export function membershipOf({ state, epoch, from, lastSeq, tdMs }: Member): Membership {
  return { state, epoch, from, lastSeq, tdMs };
}

/** What comes over a member connection, in its order. After `closed`, which comes once, nothing does. */
export interface MemberConnectionEvents {
  /** The messages of this participant follow. @throws LatecomerError when it is not the one that was expected */
  online(member: Member): void;
  block(frame: Buffer): void;
  lost(range: LostRange): void;
  live(seq: number): void;
  /** A command, over this connection or another one, has ended the messages. */
  unsubscribed(): void;
  closed(error: LatecomerError): void;
}

/** The one request a connection sends. */
const requestNumber = 1;

/** A connection for a command, for the messages of a participant, or for both. */
export class MemberConnection {
  readonly #connection: Connection;
  readonly #events: MemberConnectionEvents;
  #asked: { resolve(member: Member): void; reject(error: LatecomerError): void } | undefined;
  #log: number | undefined;
  #end: LatecomerError | undefined;

  private constructor(
    make: (events: ConnectionEvents) => Connection,
    events: MemberConnectionEvents,
    onOpen = () => {},
  ) {
    this.#events = events;
    this.#connection = make({
      loggedIn: onOpen,
      frame: (frame, type) => this.#onFrame(frame, type),
      closed: (error) => this.#onClosed(error),
    });
  }

  /**
   * Connect and log in.
   * @throws LatecomerError `ERR_CONNECT`, what the server answered to the login, `ERR_ABORTED`
   */
  static async open(
    options: ConnectionOptions,
    { schedule }: Environment,
    events: MemberConnectionEvents,
    signal?: AbortSignal,
  ): Promise<MemberConnection> {
    const { promise, resolve, reject } = deferred();
    const closed = (error: LatecomerError): void => {
      reject(error);
      events.closed(error);
    };
    const make = (own: ConnectionEvents): Connection => Connection.dial(options, own, schedule);
    const connection = new MemberConnection(make, { ...events, closed }, resolve);
    const abort = (): void => connection.close(abortedError(signal!, 'connect'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    await promise.finally(() => signal?.removeEventListener('abort', abort));
    return connection;
  }

  /** Take a connection that the server has made. */
  static accept(socket: Socket, { schedule }: Environment, events: MemberConnectionEvents): MemberConnection {
    return new MemberConnection((own) => Connection.accept(socket, own, schedule), events);
  }

  get localAddress(): string | undefined {
    return this.#connection.localAddress;
  }

  /**
   * Send a command, one at a time.
   * @throws LatecomerError what the server rejected it with, or what ended the connection
   */
  ask(command: GroupCommand): Promise<Member> {
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end);
      this.#asked = { resolve, reject };
      this.#connection.resume();
      this.#connection.send({ type: 'GROUP', request: requestNumber, ...command });
    });
  }

  /** Tell the server that everything up to a number is done with. */
  delivered(seq: number): void {
    if (this.#log !== undefined) this.#connection.send({ type: 'DELIVERED', log: this.#log, seq });
  }

  pause(): void {
    if (this.#asked === undefined) this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  close(error: LatecomerError): void {
    this.#connection.close(error);
  }

  #onClosed(error: LatecomerError): void {
    this.#end = error;
    this.#asked?.reject(error);
    this.#events.closed(error);
  }

  /** What does not follow what came before is the end of the connection, loudly: nothing can be made of the rest. */
  #onFrame(frame: Buffer, type: number): void {
    try {
      if (type === FrameType.MESSAGES) this.#events.block(frame);
      else this.#onMessage(decodeServerMessage(frame));
    } catch (error) {
      if (!(error instanceof LatecomerError)) throw error;
      this.close(error);
    }
  }

  #onMessage(message: ServerMessage): void {
    switch (message.type) {
      case 'MEMBER':
        this.#onMember(message);
        return;
      case 'REJECTED':
        this.#asked?.reject(reportedError(message));
        this.#asked = undefined;
        return;
      case 'LOST':
        this.#events.lost(message);
        return;
      case 'LIVE':
        this.#events.live(message.seq);
        return;
      case 'UNSUBSCRIBED': {
        const { code, message: text = 'the server ended the messages', remedy = 'retry' } = message;
        if (code === undefined) this.#events.unsubscribed();
        else this.close(reportedError({ code, message: text, remedy }));
        return;
      }
      default:
        throw new ProtocolError('ERR_BAD_MESSAGE', `${message.type} is not for a participant`);
    }
  }

  #onMember(member: Member): void {
    if (member.state === 'online') {
      this.#log = member.log;
      this.#events.online(member);
    }
    if (member.request === undefined) return;
    this.#asked?.resolve(member);
    this.#asked = undefined;
  }
}

function deferred() {
  let resolve!: () => void;
  let reject!: (error: LatecomerError) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
