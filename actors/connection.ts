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

/** Why a connection is not read at the moment. */
export type PauseReason = 'request' | 'window' | 'output';

/** What a connection's frames are for. */
export interface ConnectionListener {
  /** Take one frame; the next one comes when the promise, if any, has resolved. A ProtocolError closes the connection. */
  frame(frame: Buffer): Promise<void> | void;
  /** The login was accepted. */
  loggedIn?(): void;
  /** Everything written was taken by the socket. */
  drained(): void;
  /** The connection is gone; called once. */
  closed(): void;
}

let lastId = 0;

/**
 * One client's TCP connection: frames in and out, heartbeats, the login deadline, silence, and an orderly end.
 * It reads no further while a request is being answered, while its publish window is full, or while it does not take
 * its answers, so that a client costs bounded memory whatever it sends.
 */
export class Connection implements Outlet {
  readonly id = ++lastId;
  readonly openedMs: number;
  readonly pageTurns = new PageTurns(() => this.hasRoom);
  readonly #socket: Socket;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #reader = new FrameReader(limits.frameBytesMaxBeforeLogin);
  readonly #paused = new Set<PauseReason>();
  #listener!: ConnectionListener;
  #heardMs: number;
  #saidMs: number;
  #closingSinceMs: number | undefined;
  #loggedIn = false;
  #gone = false;
  #refusals = 0;

  /** @param now monotonic milliseconds; a coarse clock will do */
  constructor(socket: Socket, now: () => number, logger: Logger) {
    this.#socket = socket;
    this.#now = now;
    this.#logger = logger;
    this.openedMs = this.#heardMs = this.#saidMs = now();
  }

  /** Start reading. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('drain', () => this.#drained());
    this.#socket.on('error', (error) =>
      this.#logger.debug({ connection: this.id, error: error.message }, 'socket error'),
    );
    this.#socket.on('close', () => this.#close());
  }

  /** Address of the client, for the log. */
  get remote(): string {
    return `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? '?'}`;
  }

  get loggedIn(): boolean {
    return this.#loggedIn;
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
    this.#listener.loggedIn?.();
  }

  /** Put on the log that a request or a publish was refused. A client that goes on and on does not fill the log. */
  refused(code: ErrorCode, message: string): void {
    this.#refusals += 1;
    const level = this.#refusals <= refusalsLogged ? 'warn' : 'debug';
    this.#logger[level]({ connection: this.id, remote: this.remote, code }, message);
  }

  send(message: ServerMessage): void {
    this.write([encodeMessage(message)]);
  }

  /** Write frames, in order, as one vector. */
  write(frames: readonly Buffer[]): void {
    if (this.closing) return;
    this.#saidMs = this.#now();
    this.#socket.cork();
    for (const frame of frames) this.#socket.write(frame);
    this.#socket.uncork();
  }

  pause(reason: PauseReason): void {
    this.#paused.add(reason);
    this.#socket.pause();
  }

  resume(reason: PauseReason): void {
    if (!this.#paused.delete(reason) || this.#paused.size > 0 || this.closing) return;
    this.#heardMs = this.#now();
    this.#process();
    if (this.#paused.size === 0) this.#socket.resume();
  }

  /** Tell the client why, and close; what it still sends is read and dropped so that it gets to see the ERROR. */
  fail(error: ProtocolError): void {
    if (this.closing) return;
    const level = error.code === 'ERR_SHUTTING_DOWN' ? 'debug' : 'warn';
    this.#logger[level]({ connection: this.id, remote: this.remote, code: error.code }, error.message);
    this.send({ type: 'ERROR', code: error.code, message: error.message, remedy: errorCodes[error.code] });
    this.#closingSinceMs = this.#now();
    this.#socket.end();
    this.#socket.resume();
  }

  /** Cut the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Look at the clock: called a few times a second for every connection. A login that is being answered is not late. */
  tick(): void {
    const now = this.#now();
    if (this.#closingSinceMs !== undefined) {
      if (now - this.#closingSinceMs > closingMs) this.#socket.destroy();
      return;
    }
    const asked = this.#paused.has('request');
    if (!this.#loggedIn && !asked && now - this.openedMs > limits.loginMs) {
      this.fail(new ProtocolError('ERR_LOGIN_TIMEOUT', `no login within ${limits.loginMs} ms`));
    } else if (this.#loggedIn && this.#paused.size === 0 && now - this.#heardMs > limits.silenceMs) {
      this.fail(
        new ProtocolError('ERR_SILENT', `nothing heard for ${limits.silenceMs} ms; send a HEARTBEAT when idle`),
      );
    } else if (this.#loggedIn && now - this.#saidMs >= limits.heartbeatMs && this.#socket.writableLength === 0) {
      this.send({ type: 'HEARTBEAT' });
    }
  }

  #read(chunk: Buffer): void {
    if (this.closing) return;
    this.#heardMs = this.#now();
    this.#reader.push(chunk);
    this.#process();
  }

  /** Take frames as long as nothing stands against it. */
  #process(): void {
    try {
      while (this.#paused.size === 0 && !this.closing) {
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
    this.#logger.error({ connection: this.id, err: error }, 'request failed');
    this.fail(
      new ProtocolError('ERR_INTERNAL', 'the server could not answer a request; its log says why', { cause: error }),
    );
  }

  #drained(): void {
    this.resume('output');
    this.#listener.drained();
    this.pageTurns.drained();
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#listener.closed();
  }
}
