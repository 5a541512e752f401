import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  type ClientMessage,
  decodeClientMessage,
  encodeMessage,
  FrameReader,
  FrameType,
  frameType,
  limits,
  type Publish,
  readPublish,
  type ServerMessage,
} from '../../protocol/index.js';

type MessageOf<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>;

/** The server's end of one connection, for a script that says what happens on it. */
export class Peer {
  readonly #socket: Socket;
  readonly #reader = new FrameReader(limits.frameBytesMax);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /** The next message of the client, which must be of this type; heartbeats are passed over. */
  async message<T extends ClientMessage['type']>(type: T): Promise<MessageOf<T>> {
    for (;;) {
      const message = decodeClientMessage(await this.#frame());
      if (message.type === type) return message as MessageOf<T>;
      if (message.type !== 'HEARTBEAT') throw new Error(`expected ${type}, the client sent ${message.type}`);
    }
  }

  /** The next publish of the client; heartbeats are passed over. */
  async publish(): Promise<Publish> {
    let frame = await this.#frame();
    while (frameType(frame) === FrameType.HEARTBEAT) frame = await this.#frame();
    return readPublish(frame);
  }

  /** Take the login and accept it. */
  async logIn(published = 0): Promise<MessageOf<'LOGIN'>> {
    const login = await this.message('LOGIN');
    const { heartbeatMs, silenceMs, frameBytesMax, publishWindowBytes, publishesInFlightMax } = limits;
    const timing = { heartbeatMs, silenceMs, frameBytesMax, publishWindowBytes, publishesInFlightMax };
    this.send({
      type: 'LOGGED_IN',
      version: 1,
      server: 'scripted',
      source: 'main',
      durability: 'disk',
      published,
      ...timing,
    });
    return login;
  }

  /** Take a subscription and accept it from a number. */
  async subscribed(log: number, from: number, lastSeq: number): Promise<MessageOf<'SUBSCRIBE'>> {
    const asked = await this.message('SUBSCRIBE');
    const { request } = asked;
    this.send({
      type: 'SUBSCRIBED',
      request,
      log,
      source: 'main',
      session: 'day',
      epoch: 'e1',
      state: 'active',
      from,
      lastSeq,
    });
    return asked;
  }

  send(...frames: (ServerMessage | Buffer)[]): void {
    for (const frame of frames) this.#socket.write(Buffer.isBuffer(frame) ? frame : encodeMessage(frame));
  }

  /** Send frames in pieces of one byte. */
  async drip(...frames: (ServerMessage | Buffer)[]): Promise<void> {
    for (const byte of Buffer.concat(frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeMessage(frame))))) {
      await new Promise<void>((resolve) => this.#socket.write(Buffer.from([byte]), () => resolve()));
    }
  }

  async #frame(): Promise<Buffer> {
    for (;;) {
      const frame = this.#reader.take();
      if (frame) return frame;
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk) this.#reader.push(chunk);
      else if (this.#socket.readableEnded || this.#socket.destroyed) throw new Error('the client has gone');
      else await Promise.race([once(this.#socket, 'readable'), once(this.#socket, 'close')]);
    }
  }
}

/** A server that plays a script to the first client that connects. */
export interface ScriptedServer {
  port: number;
  /** Resolves when the script is through; rejects when it did not go as written. */
  played: Promise<void>;
  close(): void;
}

/** Listen on a free port of the loopback, and play `script` to the first connection. */
export async function scriptedServer(script: (peer: Peer) => Promise<void>): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true });
  const played = once(server, 'connection').then(([socket]: Socket[]) => {
    sockets.add(socket!);
    socket!.on('error', () => socket!.destroy());
    return script(new Peer(socket!));
  });
  played.catch(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, played, close };
}
