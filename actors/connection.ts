import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import {
  type ErrorCode,
  encodeMessage,
  errorCodes,
  FrameReader,
  limits,
  ProtocolError,
  type ServerMessage,
} from '../protocol/index.js';
import type { CatchUp } from './catch-up.js';
import type { Outlet } from './outlet.js';
import { PageTurns } from './page-turns.js';

/** Below this many queued bytes a connection is given more of a stream. */
const roomBytes = 64 * 1024;
/** Above this many queued bytes the connection's requests are not read: it does not take its answers. */
const outputBytesMax = 2 * limits.frameBytesMax;
/** Refused requests of one connection that are logged as a warning; the rest only when debugging. */
const refusalsLogged = 20;
/** How long a closed connection may take to read its ERROR before it is cut. */
const closingMs = 2_000;

/** Why a connection is not read at the moment; more than one may hold. */
const pauses = { request: 1, window: 2, output: 4 } as const;
/** See {@link Connection.pause}. */
export type PauseReason = keyof typeof pauses;

const heartbeat = [encodeMessage({ type: 'HEARTBEAT' })];
let lastId = 0;

/** What a connection's frames are for. */
export interface ConnectionListener {
  /** Take one frame; the next one comes when the promise, if any, has resolved. A ProtocolError closes the connection. */
  frame(frame: Buffer): Promise<void> | void;
  /** Everything written was taken by the socket. */
  drained(): void;
  /** The connection is gone; called once. */
  closed(): void;
}

/** What the connections of a process share. */
export interface ConnectionContext {
  /** Monotonic milliseconds; a coarse clock will do. */
  now(): number;
  logger: Logger;
  /** Do this soon. Connections come and go by the thousand, and nobody else should have to wait for all of them. */
  defer(work: () => void): void;
  catchUp: CatchUp;
}

/**
 * One client's TCP connection: frames in and out, heartbeats, the login deadline, silence, and an orderly end.
 * It reads no further while a request is being answered, while its publish window is full, or while it does not take
 * its answers, so that a client costs bounded memory whatever it sends.
 */
export class Connection implements Outlet {
  readonly id = ++lastId;
  readonly openedMs: number;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #reader = new FrameReader(limits.frameBytesMaxBeforeLogin);
  #pageTurns: PageTurns | undefined;
  #paused = 0;
  #listener!: ConnectionListener;
  #heardMs: number;
  #saidMs: number;
  #closingSinceMs: number | undefined;
  #isSilent = false;
  #loggedIn = false;
  #gone = false;
  #refusals = 0;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.openedMs = this.#heardMs = this.#saidMs = context.now();
  }

  /** Start reading. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
    this.#socket.setNoDelay(true);
    // Else it would be ended, which is most of the work, while the events of all others are still to be looked at.
    this.#socket.allowHalfOpen = true;
    this.#socket.on('end', () => this.#context.defer(() => this.#socket.end()));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('drain', () => this.#drained());
    this.#socket.on('error', (error) =>
      this.#context.logger.debug({ connection: this.id, error: error.message }, 'socket error'),
    );
    this.#socket.on('close', () => this.#close());
  }

  /** Address of the client, without its port. */
  get address(): string {
    return this.#socket.remoteAddress ?? '';
  }

  /** How long nothing has been heard, of a connection that was given up for that; else 0. */
  get silentMs(): number {
    return this.#isSilent ? this.#context.now() - this.#heardMs : 0;
  }

  /** Address and port of the client, for the log. */
  get remote(): string {
    return `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? '?'}`;
  }

  /** Most connections never rewind. */
  get pageTurns(): PageTurns {
    this.#pageTurns ??= new PageTurns(() => this.hasRoom, this.#context.catchUp);
    return this.#pageTurns;
  }

  /** Bytes written that the client has not taken. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Whether the queue is short enough for more of a stream. */
  get hasRoom(): boolean {
    return !this.closing && this.#socket.writableLength < roomBytes;
  }

  /** Whether an ERROR was sent, or the socket is gone. */
  get closing(): boolean {
    return this.#gone || this.#closingSinceMs !== undefined;
  }

  /** The login was accepted: the deadline no longer counts, and larger frames are allowed. */
  loginAccepted(): void {
    this.#loggedIn = true;
    this.#reader.bodyBytesMax = limits.frameBytesMax;
  }

  /** Put on the log that a request or a publish was refused. A client that goes on and on does not fill the log. */
  refused(code: ErrorCode, message: string): void {
    this.#refusals += 1;
    const level = this.#refusals <= refusalsLogged ? 'warn' : 'debug';
    this.#context.logger[level]({ connection: this.id, remote: this.remote, code }, message);
  }

  send(message: ServerMessage): void {
    this.write([encodeMessage(message)]);
  }

  /** Write frames, in order, as one vector. */
  write(frames: readonly Buffer[]): void {
    if (this.closing) return;
    this.#saidMs = this.#context.now();
    // A vector of one takes Node longer than the frame itself.
    if (frames.length > 1) this.#socket.cork();
    for (const frame of frames) this.#socket.write(frame);
    if (frames.length > 1) this.#socket.uncork();
  }

  pause(reason: PauseReason): void {
    this.#paused |= pauses[reason];
    this.#socket.pause();
  }

  resume(reason: PauseReason): void {
    if (!this.#isPaused(reason)) return;
    this.#paused &= ~pauses[reason];
    if (this.#paused !== 0 || this.closing) return;
    this.#heardMs = this.#context.now();
    this.#process();
    if (this.#paused === 0) this.#socket.resume();
  }

  /** Tell the client why, and {@link end}, so that it gets to see the ERROR. */
  fail(error: ProtocolError): void {
    if (this.closing) return;
    const level = error.code === 'ERR_SHUTTING_DOWN' ? 'debug' : 'warn';
    this.#context.logger[level]({ connection: this.id, remote: this.remote, code: error.code }, error.message);
    this.send({ type: 'ERROR', code: error.code, message: error.message, remedy: errorCodes[error.code] });
    this.end();
  }

  /** Close behind what was written; what the client still sends is read and dropped. */
  end(): void {
    if (this.closing) return;
    this.#closingSinceMs = this.#context.now();
    this.#socket.end();
    this.#socket.resume();
  }

  /** Cut the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Look at the clock: called a few times a second for every connection. A login that is being answered is not late. */
  tick(): void {
    const now = this.#context.now();
    if (this.#closingSinceMs !== undefined) {
      if (now - this.#closingSinceMs > closingMs) this.#socket.destroy();
      return;
    }
    if (!this.#loggedIn && !this.#isPaused('request') && now - this.openedMs > limits.loginMs) {
      this.fail(new ProtocolError('ERR_LOGIN_TIMEOUT', `no login within ${limits.loginMs} ms`));
    } else if (this.#loggedIn && this.#paused === 0 && now - this.#heardMs > limits.silenceMs) {
      this.#isSilent = true;
      this.fail(
        new ProtocolError('ERR_SILENT', `nothing heard for ${limits.silenceMs} ms; send a HEARTBEAT when idle`),
      );
    } else if (this.#loggedIn && now - this.#saidMs >= limits.heartbeatMs && this.#socket.writableLength === 0) {
      this.write(heartbeat);
    }
  }

  #read(chunk: Buffer): void {
    if (this.closing) return;
    this.#heardMs = this.#context.now();
    this.#reader.push(chunk);
    this.#process();
  }

  /** Take frames as long as nothing stands against it. */
  #process(): void {
    try {
      while (this.#paused === 0 && !this.closing) {
        const frame = this.#reader.take();
        if (!frame) return;
        const answered = this.#listener.frame(frame);
        if (answered) this.#await(answered);
        if (this.#socket.writableLength > outputBytesMax) this.pause('output');
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #await(answered: Promise<void>): void {
    this.pause('request');
    answered.then(
      () => this.resume('request'),
      (error) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    if (error instanceof ProtocolError) return this.fail(error);
    this.#context.logger.error({ connection: this.id, err: error }, 'request failed');
    this.fail(
      new ProtocolError('ERR_INTERNAL', 'the server could not answer a request; its log says why', { cause: error }),
    );
  }

  #drained(): void {
    this.resume('output');
    this.#listener.drained();
    this.#pageTurns?.drained();
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#context.defer(() => this.#listener.closed());
  }

  #isPaused(reason: PauseReason): boolean {
    return (this.#paused & pauses[reason]) !== 0;
  }
}
