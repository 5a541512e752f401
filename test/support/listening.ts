import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ClientMessage, decodeServerMessage, FrameType, frameType } from '../../protocol/index.js';
import { until } from './deadline.js';
import { FrameSocket } from './frame-socket.js';
import { Received } from './participant.js';

/** A participant's port: whoever connects to it is heard, and may be answered. */
export class Listening {
  readonly received = new Received();
  readonly port: number;
  readonly #server: Server;
  #connection: FrameSocket<ClientMessage> | undefined;
  closed = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
    onTestFinished(() => this.stop());
  }

  static async start(): Promise<Listening> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Listening(server);
  }

  say(message: ClientMessage): void {
    this.#connection!.send(message);
  }

  break(): void {
    this.#connection!.socket.destroy();
  }

  /** The server has closed so many connections. */
  async hasClosed(count: number): Promise<void> {
    await until(() => this.closed >= count, `${count} connections to be closed`);
  }

  stop(): void {
    this.#server.close();
    this.#connection?.socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed += 1;
    });
    this.#connection = new FrameSocket(socket, {
      frame: (frame) => {
        if (frameType(frame) === FrameType.MESSAGES) this.received.block(frame);
        else this.received.message(decodeServerMessage(frame));
      },
    });
  }
}
