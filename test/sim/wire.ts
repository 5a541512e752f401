import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  FrameReader,
  FrameType,
  frameType,
  limits,
  type ServerMessage,
} from '../../protocol/index.js';

/** What a connection does with what it hears. */
export interface WireListener {
  message(message: ServerMessage): void;
  block?(block: Buffer): void;
}

/** A bare connection to a server: it logs in, keeps up its heartbeat, and connects only once. */
export class Wire {
  readonly socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMax);
  readonly #listener: WireListener;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(socket: Socket, listener: WireListener) {
    this.socket = socket;
    this.#listener = listener;
    this.#heartbeat = setInterval(() => this.send({ type: 'HEARTBEAT' }), limits.heartbeatMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('close', () => clearInterval(this.#heartbeat));
  }

  static async open(
    port: number,
    login: Omit<ClientMessage & { type: 'LOGIN' }, 'type' | 'versions'>,
    to: WireListener,
  ) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const wire = new Wire(socket, to);
    wire.send({ type: 'LOGIN', versions: [1], ...login });
    return wire;
  }

  send(message: ClientMessage): void {
    this.write(encodeMessage(message));
  }

  write(...frames: Buffer[]): void {
    if (this.socket.destroyed) return;
    this.socket.cork();
    for (const frame of frames) this.socket.write(frame);
    this.socket.uncork();
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) this.#frame(frame);
  }

  #frame(frame: Buffer): void {
    if (frameType(frame) !== FrameType.MESSAGES) return this.#listener.message(decodeServerMessage(frame));
    assert(this.#listener.block, 'a block for one who has not subscribed');
    this.#listener.block(frame);
  }
}
