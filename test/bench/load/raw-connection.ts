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
} from '../../../protocol/index.js';

/** What a raw connection does with what it hears. */
export interface RawListener {
  /** A MESSAGES frame. */
  block?(block: Buffer): void;
  message?(message: ServerMessage): void;
}

/** A client reduced to the wire: frames in, frames out, no library in between. */
export class RawConnection {
  readonly socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMax);

  constructor(
    port: number,
    login: Omit<Extract<ClientMessage, { type: 'LOGIN' }>, 'type' | 'versions'>,
    listener: RawListener,
  ) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.send({ type: 'LOGIN', versions: [1], ...login });
    this.socket.on('error', (error) => {
      throw error;
    });
    this.socket.on('data', (chunk) => {
      this.#reader.push(chunk);
      for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) {
        if (frameType(frame) === FrameType.MESSAGES) listener.block?.(frame);
        else this.#message(decodeServerMessage(frame), listener);
      }
    });
  }

  send(message: ClientMessage): void {
    this.socket.write(encodeMessage(message));
  }

  #message(message: ServerMessage, listener: RawListener): void {
    if (message.type === 'ERROR' || message.type === 'REJECTED') throw new Error(`${message.code}: ${message.message}`);
    if (message.type === 'HEARTBEAT') return this.send({ type: 'HEARTBEAT' });
    listener.message?.(message);
  }
}
