import { connect, type Socket } from 'node:net';
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  FrameReader,
  FrameType,
  frameType,
  limits,
  ProtocolError,
  type ServerMessage,
} from '../protocol/index.js';
import type { Environment } from './environment.js';
import { LatecomerError, reportedError } from './errors.js';

/** The server's answer to a login. */
export type LoggedIn = Extract<ServerMessage, { type: 'LOGGED_IN' }>;

/** After how long without a sign of life a side sends one, and gives up. */
interface ConnectionBounds {
  heartbeatMs: number;
  silenceMs: number;
}

/** What a connection tells its owner. After `closed`, which comes exactly once, nothing else does. */
export interface ConnectionEvents {
  loggedIn(answer: LoggedIn): void;
  /** A frame that is neither a heartbeat nor an error. @param type its type code */
  frame(frame: Buffer, type: number): void;
  closed(error: LatecomerError): void;
}

/** Where and how to log in. */
export interface ConnectionOptions {
  host: string;
  port: number;
  login: Extract<ClientMessage, { type: 'LOGIN' }>;
  /** Deadline for connection and login together. */
  connectMs: number;
}

const heartbeat = encodeMessage({ type: 'HEARTBEAT' });

/** One TCP connection, from its beginning to its end: login, frames, heartbeats both ways. It never connects again. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMaxBeforeLogin);
  readonly #address: string;
  readonly #events: ConnectionEvents;
  readonly #schedule: Environment['schedule'];
  #state: 'login' | 'open' | 'closed' = 'login';
  #cancelTimer: () => void = () => {};
  #heard = true;
  #sent = true;
  #paused = false;

  private constructor(socket: Socket, address: string, events: ConnectionEvents, schedule: Environment['schedule']) {
    this.#socket = socket;
    this.#address = address;
    this.#events = events;
    this.#schedule = schedule;
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk));
    socket.on('error', (error) => this.close(this.#brokenError(error)));
    socket.on('close', () => this.close(this.#brokenError()));
  }

  /** Connect to a server and log in. */
  static dial(options: ConnectionOptions, events: ConnectionEvents, schedule: Environment['schedule']): Connection {
    const { host, port, login, connectMs } = options;
    const socket = connect({ host, port, noDelay: true });
    const connection = new Connection(socket, `${host}:${port}`, events, schedule);
    connection.#cancelTimer = schedule(connectMs, () => connection.close(connection.#deadlineError(connectMs)));
    socket.on('connect', () => socket.write(encodeMessage(login)));
    return connection;
  }

  /** Take a connection that a server has made: there is no login, and the server speaks first. */
  static accept(socket: Socket, events: ConnectionEvents, schedule: Environment['schedule']): Connection {
    const connection = new Connection(socket, `${socket.remoteAddress}:${socket.remotePort}`, events, schedule);
    socket.setNoDelay(true);
    connection.#open(limits);
    return connection;
  }

  /** The address on this side of it; `undefined` while there is no connection. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  send(message: ClientMessage): void {
    this.write([encodeMessage(message)]);
  }

  /** Send whole frames, given in any number of parts. */
  write(parts: readonly Buffer[]): void {
    if (this.#state === 'closed') return;
    this.#sent = true;
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** Stop reading; heartbeats are still sent, and the server's silence is not counted. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#heard = true;
    this.#socket.resume();
  }

  /** End the connection, after what was written has left; `error` is what `closed` is told. */
  close(error: LatecomerError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTimer();
    this.#socket.on('error', () => {});
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
    if (this.#socket.connecting) this.#socket.destroy();
    else this.#socket.destroySoon();
    this.#events.closed(error);
  }

  #onChunk(chunk: Buffer): void {
    this.#heard = true;
    try {
      this.#reader.push(chunk);
      for (;;) {
        if (this.#state === 'closed') return;
        const frame = this.#reader.take();
        if (frame === undefined) return;
        this.#onFrame(frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close(this.#protocolError(error));
    }
  }

  #onFrame(frame: Buffer): void {
    const type = frameType(frame);
    if (type === FrameType.HEARTBEAT) return;
    if (type === FrameType.ERROR) this.#onError(frame);
    else if (this.#state === 'open') this.#events.frame(frame, type);
    else this.#onLoginAnswer(frame);
  }

  #onError(frame: Buffer): void {
    const message = decodeServerMessage(frame);
    if (message.type === 'ERROR') this.close(reportedError(message));
  }

  #onLoginAnswer(frame: Buffer): void {
    const message = decodeServerMessage(frame);
    if (message.type !== 'LOGGED_IN') {
      throw new ProtocolError('ERR_BAD_MESSAGE', `expected LOGGED_IN, found ${message.type}`);
    }
    this.#open(message);
    this.#events.loggedIn(message);
  }

  #open(bounds: ConnectionBounds & { frameBytesMax: number }): void {
    this.#state = 'open';
    this.#reader.bodyBytesMax = bounds.frameBytesMax;
    this.#cancelTimer();
    this.#watch(bounds, 0);
  }

  /**
   * Looks every half heartbeat. Silence is counted in looks, not in time, so that a program that blocks its own event
   * loop does not mistake that for a silent server.
   */
  #watch(bounds: ConnectionBounds, silentLooks: number): void {
    const lookMs = Math.max(1, bounds.heartbeatMs / 2);
    this.#cancelTimer = this.#schedule(lookMs, () => {
      if (!this.#sent) this.#socket.write(heartbeat);
      this.#sent = false;
      const silent = this.#heard || this.#paused ? 0 : silentLooks + 1;
      this.#heard = false;
      if (silent * lookMs >= bounds.silenceMs) this.close(this.#silenceError(bounds.silenceMs));
      else this.#watch(bounds, silent);
    });
  }

  #deadlineError(connectMs: number): LatecomerError {
    const waitedFor = this.#socket.connecting ? 'a connection to' : 'the answer to the login from';
    return new LatecomerError('ERR_CONNECT', `waited ${connectMs} ms for ${waitedFor} ${this.#address}`, {
      remedy: 'reconnect',
    });
  }

  #brokenError(cause?: Error): LatecomerError {
    const why = cause ? `: ${cause.message}` : '';
    if (this.#state === 'open') {
      return new LatecomerError('ERR_DISCONNECTED', `the connection to ${this.#address} broke${why}`, {
        remedy: 'reconnect',
        cause,
      });
    }
    const what = cause
      ? `cannot connect to ${this.#address}${why}`
      : `${this.#address} closed the connection before it answered the login`;
    return new LatecomerError('ERR_CONNECT', what, { remedy: 'reconnect', cause });
  }

  #silenceError(silenceMs: number): LatecomerError {
    return new LatecomerError('ERR_DISCONNECTED', `heard nothing from ${this.#address} for ${silenceMs} ms`, {
      remedy: 'reconnect',
    });
  }

  #protocolError(cause: ProtocolError): LatecomerError {
    if (this.#state === 'open') return new LatecomerError(cause.code, cause.message, { remedy: cause.remedy, cause });
    const message = `${this.#address} does not speak the Latecomer protocol: ${cause.message}`;
    return new LatecomerError('ERR_NOT_LATECOMER', message, { cause });
  }
}
