import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The module of {@link Puppet}s. */
export const puppetModule = fileURLToPath(new URL('puppet.mjs', import.meta.url));

/** A real process under the control of a test. */
export class Puppet {
  readonly pid: number;
  readonly args: string[];
  /** Resolves when the process is dead. */
  readonly dead: Promise<void>;
  readonly #socket: Socket;
  readonly #told = new EventEmitter();

  constructor(socket: Socket, { pid, args }: { pid: number; args: string[] }, lines: EventEmitter) {
    this.pid = pid;
    this.args = args;
    this.#socket = socket;
    this.dead = new Promise((resolve) => socket.once('close', () => resolve()));
    lines.on('line', (line: string) => this.#told.emit(JSON.parse(line).signal));
  }

  do(command: string): void {
    this.#socket.write(`${command}\n`);
  }

  /** Resolves when a signal it ignores has reached it. */
  async got(signal: NodeJS.Signals): Promise<void> {
    await once(this.#told, signal);
  }
}

/** Where puppets report, in the order in which they start. */
export class PuppetStage {
  readonly #server: Server;
  readonly #arrived: Puppet[] = [];
  #next: (() => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#greet(socket));
  }

  static async open(): Promise<PuppetStage> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PuppetStage(server);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** The next puppet that starts, or has started and was not asked for yet. */
  async next(): Promise<Puppet> {
    while (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        this.#next = resolve;
      });
    }
    return this.#arrived.shift()!;
  }

  /** Puppets that have started and were not asked for. */
  get waiting(): number {
    return this.#arrived.length;
  }

  close(): void {
    this.#server.close();
  }

  #greet(socket: Socket): void {
    socket.on('error', () => undefined);
    const lines = createInterface(socket);
    lines.once('line', (line) => {
      this.#arrived.push(new Puppet(socket, JSON.parse(line), lines));
      this.#next?.();
    });
  }
}
