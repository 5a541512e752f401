import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { Installments } from './installments.js';

/** An actor that takes over connections. */
export interface Gateway {
  /** @returns false when it cannot take this one */
  sendSocket(socket: Socket, meta: object): boolean;
}

/** Where the listener hands its sockets. */
export interface Gateways {
  /** The gateways that run now; each takes the connections in turn. */
  running(): readonly Gateway[];
}

/**
 * A listening port. Main alone owns it and hands each accepted connection to a gateway, so that no stopped or orphaned
 * fork can keep the port from a restarted server.
 */
export class Listener {
  readonly #server: Server;
  readonly #gateways: Gateways;
  /** A backlog of thousands is accepted in one turn; the logins of the first are read before the last are taken in. */
  readonly #arrivals = new Installments();
  #turn = 0;

  private constructor(gateways: Gateways) {
    this.#gateways = gateways;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true });
    this.#server.on('connection', (socket) => this.#arrivals.add(() => this.#handOver(socket)));
  }

  /**
   * @throws the system's error when the address cannot be had (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`)
   */
  static async listen(host: string, port: number, gateways: Gateways, logger: Logger): Promise<Listener> {
    const listener = new Listener(gateways);
    listener.#server.listen({ host, port, backlog: 4096 });
    await once(listener.#server, 'listening');
    listener.#server.on('error', (error) => logger.error({ err: error }, 'a connection could not be accepted'));
    return listener;
  }

  get address(): { host: string; port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Accept nothing more. */
  close(): void {
    this.#server.close();
  }

  /** While every gateway is being restarted, a client is better off trying again. */
  #handOver(socket: Socket): void {
    const running = this.#gateways.running();
    for (let tried = 0; tried < running.length; tried += 1) {
      this.#turn = (this.#turn + 1) % running.length;
      if (running[this.#turn]!.sendSocket(socket, {})) return;
    }
    socket.destroy();
  }
}
