import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from '../../support/deadline.js';
import { markVariable, signal } from './processes.js';

/** The built command. */
export const latecomer = fileURLToPath(new URL('../../../dist/cli/latecomer.js', import.meta.url));

/** Ready-made placements; `default` is everything in one process. */
export type PlacementName = 'default' | 'edges' | 'rewinds';

/** How a server is started. */
export interface ServerOptions {
  data: string;
  /** Where it puts what is temporary; one that is killed leaves it there. @defaultValue the system's place */
  temporary?: string;
  /** 0: any. @defaultValue 0 */
  port?: number;
  placement?: PlacementName;
  /** Under the process that restarts it. @defaultValue false */
  supervised?: boolean;
  /** More flags. */
  flags?: string[];
  /** What the command line becomes, to run the server inside of something. */
  wrap?: (command: string[]) => string[];
}

/** How a process ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A line of the server's log. */
export type LogLine = { msg?: string; pid?: number } & Record<string, unknown>;

const logLinesMax = 5_000;

/** `latecomer serve` in a process of its own. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** Directory of its log. */
  readonly data: string;
  readonly exited: Promise<ProcessEnd>;
  /** Resolves when nobody is left who could print or log: forks inherit both streams. */
  readonly silent: Promise<void>;
  /** What it printed on stdout. */
  readonly printed: string[] = [];
  /** What it logged, the newest lines of it. */
  readonly log: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  #ended = false;

  private constructor(child: ChildProcess, data: string) {
    this.child = child;
    this.data = data;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#print(line));
    createInterface({ input: child.stderr! }).on('line', (line) => this.#logged(line));
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, end) => resolve({ code, signal: end }));
    });
    this.silent = new Promise((resolve) => {
      child.once('close', () => {
        this.#ended = true;
        resolve();
        this.#wake();
      });
    });
  }

  /** Start a server and do not wait for it. @param mark see {@link markVariable} */
  static launch(options: ServerOptions, mark: string): ServerProcess {
    const command = [process.execPath, latecomer, ...serveArguments(options)];
    const [program, ...args] = options.wrap?.(command) ?? command;
    const environment = Object.entries(process.env).filter(([name]) => !/^(LATECOMER|VITEST|NODE_OPTIONS)/.test(name));
    const { temporary } = options;
    const env = { ...Object.fromEntries(environment), [markVariable]: mark, ...(temporary && { TMPDIR: temporary }) };
    return new ServerProcess(spawn(program!, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] }), options.data);
  }

  /** Start a server; resolves when it accepts connections. */
  static async start(options: ServerOptions, mark: string): Promise<ServerProcess> {
    const server = ServerProcess.launch(options, mark);
    await server.listening();
    return server;
  }

  /** Process id of the program that was started: the supervisor, or the server itself. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Where it listens, once it does. */
  get port(): number {
    const port = /:(\d+)$/.exec(this.printed[0] ?? '')?.[1];
    if (port === undefined) throw new Error('the server does not listen yet');
    return Number(port);
  }

  /** Resolves when it accepts connections; rejects when it ends first. */
  async listening(): Promise<void> {
    await this.#until(() => this.printed.length > 0, 'the server to listen');
  }

  /** The first line of the log that is so, or will be. */
  async logLine(matches: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    await this.#until(() => this.log.some(matches), what);
    return this.log.find(matches)!;
  }

  /** Kill the started program, and nothing else, at once. */
  async kill(): Promise<ProcessEnd> {
    return await this.end('SIGKILL');
  }

  /** Send a signal and wait for the end. */
  async end(name: NodeJS.Signals, ms?: number): Promise<ProcessEnd> {
    signal(this.pid, name);
    return await within(this.exited, `the server to end after ${name}`, ms);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    await within(this.#watch(condition, what), what);
  }

  async #watch(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.#ended) throw new Error(`waited for ${what}, but the server has ended:\n${this.tail()}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** The end of its log, for people. */
  tail(lines = 40): string {
    return this.log
      .slice(-lines)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  #print(line: string): void {
    this.printed.push(line);
    this.#wake();
  }

  #logged(line: string): void {
    this.log.push(parsed(line));
    if (this.log.length > logLinesMax) this.log.shift();
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

function serveArguments({ data, port = 0, placement = 'default', supervised = false, flags = [] }: ServerOptions) {
  const args = ['serve', '--data', data, '--port', String(port), '--generator', 'off', '--log-level', 'info'];
  if (placement !== 'default') args.push('--actors', placement);
  if (!supervised) args.push('--no-supervisor');
  return [...args, ...flags];
}

function parsed(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
