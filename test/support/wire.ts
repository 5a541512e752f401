import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  type ClientMessage,
  decodeServerMessage,
  FrameType,
  frameType,
  limits,
  protocolVersion,
  type ServerMessage,
} from '../../protocol/index.js';
import { FrameSocket } from './frame-socket.js';

/** What a connection does with what it hears. */
export interface WireListener {
  message(message: ServerMessage): void;
  /** A MESSAGES frame. */
  block?(block: Buffer): void;
}

/** What a LOGIN says. */
export type LoginFields = Omit<Extract<ClientMessage, { type: 'LOGIN' }>, 'type' | 'versions'>;

/**
 * A client reduced to the wire: it logs in, keeps up its heartbeat, and connects only once. An error of its socket is
 * nobody's, and so fails the test.
 */
export class Wire extends FrameSocket<ClientMessage> {
  constructor(port: number, login: LoginFields, to: WireListener) {
    super(connect({ port, host: '127.0.0.1', noDelay: true }), { frame: (frame) => pass(frame, to) });
    const heartbeat = setInterval(() => this.send({ type: 'HEARTBEAT' }), limits.heartbeatMs);
    this.socket.once('close', () => clearInterval(heartbeat));
    this.send({ type: 'LOGIN', versions: [protocolVersion], ...login });
  }

  /** A connection that is established; rejects when there is nobody. */
  static async open(port: number, login: LoginFields, to: WireListener): Promise<Wire> {
    const wire = new Wire(port, login, to);
    await once(wire.socket, 'connect');
    return wire;
  }

  close(): void {
    this.socket.destroy();
  }
}

function pass(frame: Buffer, to: WireListener): void {
  if (frameType(frame) !== FrameType.MESSAGES) return to.message(decodeServerMessage(frame));
  assert(to.block, 'a block for one who has not subscribed');
  to.block(frame);
}
