import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Publish } from '../../protocol/index.js';
import { FakeConnection } from '../support/fake-connection.js';
import { Inbox } from '../support/inbox.js';

/** Texts of the payloads of a PUBLISH. */
export function textsOf({ payloads }: Publish): string[] {
  const texts: string[] = [];
  let { bytes } = payloads;
  while (bytes.length > 0) {
    if (bytes[0] !== 0xc4) throw new Error('the fake server reads short payloads only');
    texts.push(bytes.toString('utf8', 2, 2 + bytes[1]!));
    bytes = bytes.subarray(2 + bytes[1]!);
  }
  return texts;
}

/** A server that does what the test tells it, connection by connection. */
export class FakeServer {
  readonly #server: Server;
  readonly #connections: FakeConnection[] = [];
  readonly #arrived = new Inbox<FakeConnection>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const connection = new FakeConnection(socket);
      this.#connections.push(connection);
      this.#arrived.push(connection);
    });
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = createServer();
    const fake = new FakeServer(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections made so far. */
  get count(): number {
    return this.#connections.length;
  }

  /** The next connection that nobody has taken. */
  accept(): Promise<FakeConnection> {
    return this.#arrived.take(() => true, 'a connection');
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
