import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { MainOrigin, Origin } from '../origin.js';
import type { OpenSubscription, SubscriptionStart } from '../subscription.js';
import type { LinkRole } from './connect-link.js';
import { EdgeLink } from './edge-link.js';
import type { ForkedRewinds } from './forked-rewinds.js';
import { Link, type LinkMessage, type LinkReply } from './link.js';
import { pageMessage } from './page-message.js';

/** What the data socket gives its forks access to. */
export interface DataSocketContext {
  origin: MainOrigin;
  subscribe(start: SubscriptionStart): Promise<OpenSubscription>;
  rewinds: ForkedRewinds | undefined;
  logger: Logger;
}

/** What main does for a fork that has said who it is. */
interface Peer {
  call(message: LinkMessage): Promise<LinkReply>;
  notice(message: LinkMessage): void;
  drained?(): void;
  closed(error: Error): void;
}

/**
 * The unix-domain socket over which blocks travel between the server's processes. It lies in a directory only this user
 * may enter, and a fork must know the token it was started with.
 */
export class DataSocket {
  readonly path: string;
  readonly token: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #context: DataSocketContext;
  readonly #links = new Set<Link>();

  private constructor(directory: string, server: Server, context: DataSocketContext) {
    this.#directory = directory;
    this.path = join(directory, 'data.sock');
    this.token = randomBytes(16).toString('hex');
    this.#server = server;
    this.#context = context;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async listen(context: DataSocketContext): Promise<DataSocket> {
    const directory = await mkdtemp(join(tmpdir(), 'latecomer-'));
    const server = createServer();
    const dataSocket = new DataSocket(directory, server, context);
    server.listen(dataSocket.path);
    await once(server, 'listening');
    return dataSocket;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const link of this.#links) link.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    let peer: Peer | undefined;
    const link: Link = new Link(socket, {
      call: async (message) => {
        if (peer) return peer.call(message);
        peer = this.#hello(link, message);
        return { fields: {} };
      },
      notice: (message) => peer?.notice(message),
      drained: () => peer?.drained?.(),
      broken: (error) => this.#context.logger.error({ err: error }, 'what a fork sent could not be taken'),
      closed: (error) => {
        this.#links.delete(link);
        peer?.closed(error);
      },
    });
    this.#links.add(link);
  }

  #hello(link: Link, { topic, fields }: LinkMessage): Peer {
    const { token, role, pid } = fields as { token: string; role: LinkRole; pid: number };
    if (topic !== 'hello' || token !== this.token) throw new Error('a process without the token of this server');
    const { origin, subscribe, rewinds, logger } = this.#context;
    logger.debug({ role, pid }, 'fork connected');
    if (role === 'Edge') return new EdgeLink(link, pid, origin, subscribe, logger);
    if (!rewinds) throw new Error('rewinds are not forked in this placement');
    return rewindPeer(link, origin, rewinds);
  }
}

function rewindPeer(link: Link, origin: Origin, rewinds: ForkedRewinds): Peer {
  rewinds.connected(link);
  return {
    call: async ({ fields }) => {
      const { log, from } = fields as { log: number; from: number };
      return pageMessage(await origin.read(log, from, Number.MAX_SAFE_INTEGER), from);
    },
    notice: (message) => rewinds.notice(message),
    closed: (error) => rewinds.disconnected(link, error),
  };
}
