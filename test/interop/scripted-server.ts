import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { encodeMessage, type ServerMessage } from '../../protocol/index.js';
import { FakeConnection } from '../support/fake-connection.js';

/** The server's end of one connection, for a script that says what happens on it. */
export class Peer extends FakeConnection {
  /** Send frames in pieces of one byte. */
  async drip(...frames: (ServerMessage | Buffer)[]): Promise<void> {
    for (const byte of Buffer.concat(frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeMessage(frame))))) {
      await new Promise<void>((resolve) => this.socket.write(Buffer.from([byte]), () => resolve()));
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
  const peers: Peer[] = [];
  const server = createServer({ noDelay: true });
  const played = once(server, 'connection').then(([socket]: Socket[]) => {
    const peer = new Peer(socket!);
    peers.push(peer);
    return script(peer);
  });
  played.catch(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const peer of peers) peer.drop();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, played, close };
}
