import { connect, type Socket } from 'node:net';
import type { Speaker } from '../dialects/dialect.js';

const heartbeatMs = 1_000;

/** Everything that arrives is read into one buffer: nothing is kept of it when a read returns. */
const inbox = Buffer.allocUnsafeSlow(1024 * 1024);

/** A raw connection on which somebody speaks a protocol. An error of either ends the process: nothing is measured then. */
export class Line {
  readonly #socket: Socket;
  #speaker: Speaker | undefined;
  #afterRead: (() => void) | undefined;
  #isPaused = false;

  constructor(port: number) {
    const callback = (size: number): boolean => {
      this.#speaker!.read(inbox.subarray(0, size));
      this.#afterRead?.();
      return !this.#isPaused;
    };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: inbox, callback } });
  }

  /** Say the greeting, pass on what comes in, and keep the connection alive. @param afterRead called when some was read */
  speak(speaker: Speaker, afterRead?: () => void): void {
    this.#speaker = speaker;
    this.#afterRead = afterRead;
    this.#socket.write(speaker.greeting);
    const { heartbeat } = speaker;
    if (!heartbeat) return;
    const timer = setInterval(() => this.#socket.write(heartbeat), heartbeatMs).unref();
    this.#socket.once('close', () => clearInterval(timer));
  }

  write(...pieces: readonly Buffer[]): void {
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  /** Read no more. The other side hears of it only by what fills up; heartbeats go on. */
  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** Hang up. */
  end(): void {
    this.#isPaused = true;
    this.#socket.destroy();
  }
}
