import { createInterface } from 'node:readline';
import { within } from '../../support/deadline.js';
import { LatecomerProcess, type ProcessEnd } from '../../support/latecomer-process.js';
import { markedEnvironment, signal } from './processes.js';

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

/** A line of the server's log. */
export type LogLine = { msg?: string; pid?: number } & Record<string, unknown>;

const logLinesMax = 5_000;

/** `latecomer serve` in a process of its own. */
export class ServerProcess extends LatecomerProcess {
  /** Directory of its log. */
  readonly data: string;
  /** What it logged, the newest lines of it. */
  readonly log: LogLine[] = [];

  /** Start a server and do not wait for it. @param mark see {@link markedEnvironment} */
  constructor(options: ServerOptions, mark: string) {
    const { data, temporary, wrap } = options;
    const env = { ...markedEnvironment(mark), ...(temporary && { TMPDIR: temporary }) };
    super(serveArguments(options), { cwd: '/', env, ...(wrap && { wrap }) });
    this.data = data;
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.#logged(line));
  }

  /** Its port for Soup clients, as it has printed it; the last one when it was started again. */
  get soupPort(): number {
    const ports = [...this.out.matchAll(/^Soup clients on \S+:(\d+)$/gm)];
    return Number(ports[ports.length - 1]?.[1]);
  }

  /** The first line of the log that is so, or will be. */
  logLine(matches: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    return this.until(() => this.log.find(matches), what);
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

  #logged(line: string): void {
    this.log.push(parsed(line));
    if (this.log.length > logLinesMax) this.log.shift();
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
