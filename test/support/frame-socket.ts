import type { Socket } from 'node:net';
import { type ClientMessage, encodeMessage, FrameReader, limits, type ServerMessage } from '../../protocol/index.js';

/** Who is told what arrives on a {@link FrameSocket}. */
export interface FrameListener {
  frame(frame: Buffer): void;
  /**
   * Told of bytes that are no frame, and of what `frame` threw; nothing more is read then. Without it the error is
   * nobody's, and so fails the test.
   */
  broken?(error: Error): void;
}

/** Either end of a connection, as frames. What becomes of the socket's errors and of its end is its user's to say. */
export class FrameSocket<Sent extends ClientMessage | ServerMessage> {
  readonly socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMax);
  readonly #listener: FrameListener;
  #broken = false;

  constructor(socket: Socket, listener: FrameListener) {
    this.socket = socket;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Send messages and frames that are encoded already. @returns whether the socket wants more */
  send(...frames: (Sent | Uint8Array)[]): boolean {
    return this.write(...frames.map((frame) => (frame instanceof Uint8Array ? frame : encodeMessage(frame))));
  }

  /** Write bytes, frames or not, in one piece; nothing when the socket is gone. @returns whether it wants more */
  write(...pieces: (Uint8Array | string)[]): boolean {
    if (this.socket.destroyed) return false;
    let wantsMore = true;
    this.socket.cork();
    for (const piece of pieces) wantsMore = this.socket.write(piece);
    this.socket.uncork();
    return wantsMore;
  }

  #read(chunk: Buffer): void {
    if (this.#broken) return;
    if (!this.#listener.broken) return this.#take(chunk);
    try {
      this.#take(chunk);
    } catch (error) {
      this.#broken = true;
      this.#listener.broken(error as Error);
    }
  }

  #take(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) this.#listener.frame(frame);
  }
}
