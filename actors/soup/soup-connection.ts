import type { Socket } from 'node:net';
import type { ConnectionContext } from '../connection.js';
import { PageTurns } from '../page-turns.js';

/** Below this many queued bytes a connection is given more of a stream. */
const roomBytes = 64 * 1024;
/** Above this many queued bytes the connection's packets are not read: it does not take its answers. */
const outputBytesMax = 1024 * 1024;

/** Why a connection is not read at the moment; more than one may hold. */
const pauses = { login: 1, input: 2, output: 4 } as const;
/** See {@link SoupConnection.pause}. */
export type PauseReason = keyof typeof pauses;

/** What a connection's bytes are for. */
export interface SoupListener {
  data(chunk: Buffer): void;
  /** Nothing stands against taking packets any more. */
  resumed(): void;
  /** Everything written was taken by the socket. */
  drained(): void;
  /** The connection is gone; called once. */
  closed(): void;
}

/**
 * The socket of a Soup client: bytes in and out, when it was heard and spoken to, and an orderly end. What the bytes mean
 * is its listener's to know.
 */
export class SoupConnection {
  readonly openedMs: number;
  readonly #socket: Socket;
  /** In which the rewinds of its subscription read. */
  readonly pageTurns: PageTurns;
  readonly #context: ConnectionContext;
  #listener!: SoupListener;
  #paused = 0;
  #heardMs: number;
  #saidMs: number;
  /** When a connection that is being ended is cut, unless it takes more of what is queued. */
  #ending: { graceMs: number; sinceMs: number; queuedBytes: number } | undefined;
  #gone = false;

  constructor(socket: Socket, context: ConnectionContext) {
    this.pageTurns = new PageTurns(() => this.hasRoom, context.catchUp);
    this.#socket = socket;
    this.#context = context;
    this.openedMs = this.#heardMs = this.#saidMs = context.now();
  }

  /** Start reading. */
  listen(listener: SoupListener): void {
    this.#listener = listener;
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.allowHalfOpen = true;
    socket.on('end', () => this.#context.defer(() => socket.end()));
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => this.#context.logger.debug({ error: error.message }, 'socket error'));
    socket.on('close', () => this.#close());
    socket.resume();
  }

  /** Address of the client, for the log. */
  get remote(): string {
    return `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? '?'}`;
  }

  /** When something was last received, or was last waited for. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** When something was last written. */
  get saidMs(): number {
    return this.#saidMs;
  }

  /** Bytes written that the client has not taken. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Whether the queue is short enough for more of a stream. */
  get hasRoom(): boolean {
    return !this.closing && this.#socket.writableLength < roomBytes;
  }

  /** Whether it is being ended, or is gone. */
  get closing(): boolean {
    return this.#gone || this.#ending !== undefined;
  }

  /** Whether something stands against taking packets. */
  get paused(): boolean {
    return this.#paused !== 0;
  }

  /** Write packets, in order, as one vector. */
  write(packets: readonly Buffer[]): void {
    if (this.closing) return;
    this.#saidMs = this.#context.now();
    this.#socket.cork();
    for (const packet of packets) this.#socket.write(packet);
    this.#socket.uncork();
    if (this.#socket.writableLength > outputBytesMax) this.pause('output');
  }

  pause(reason: PauseReason): void {
    this.#paused |= pauses[reason];
    this.#socket.pause();
  }

  resume(reason: PauseReason): void {
    if ((this.#paused & pauses[reason]) === 0) return;
    this.#paused &= ~pauses[reason];
    if (this.paused || this.closing) return;
    this.#heardMs = this.#context.now();
    this.#listener.resumed();
    if (!this.paused) this.#socket.resume();
  }

  /** Have dead peers found out by the system: for clients that are not expected to say anything. */
  keepAlive(delayMs: number): void {
    this.#socket.setKeepAlive(true, delayMs);
  }

  /**
   * Close behind what was written; what the client still sends is read and dropped, so that it gets to see it.
   * @param graceMs it is cut when nothing was taken, nor the connection closed, for so long
   */
  end(graceMs: number): void {
    if (this.closing) return;
    this.#ending = { graceMs, sinceMs: this.#context.now(), queuedBytes: this.queuedBytes };
    this.#socket.end();
    this.#socket.resume();
  }

  /** Cut the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Look at the clock, when it is {@link closing}. */
  tickEnding(): void {
    if (!this.#ending) return;
    const now = this.#context.now();
    const { queuedBytes } = this;
    if (queuedBytes < this.#ending.queuedBytes) this.#ending = { ...this.#ending, sinceMs: now, queuedBytes };
    else if (now - this.#ending.sinceMs > this.#ending.graceMs) this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.closing) return;
    this.#heardMs = this.#context.now();
    this.#listener.data(chunk);
  }

  #drained(): void {
    this.resume('output');
    this.#listener.drained();
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#context.defer(() => this.#listener.closed());
  }
}
