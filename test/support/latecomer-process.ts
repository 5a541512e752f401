import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../actors/package-root.js';
import { within } from './deadline.js';

/** The built command. */
export const latecomer = join(packageRoot, 'dist', 'cli', 'latecomer.js');

/** How the command is run. */
export interface LatecomerOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** @defaultValue nothing to read; both outputs are kept */
  stdio?: StdioOptions;
  /** What the command line becomes, to run the command inside of something. */
  wrap?: (command: string[]) => string[];
}

/** How a process ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const errCharactersMax = 1024 * 1024;

/** The built `latecomer` command in a process of its own. */
export class LatecomerProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<ProcessEnd>;
  /**
   * Resolves when nobody is left who could print or log: it and the forks that inherit its outputs are gone, and all
   * they printed has been read.
   */
  readonly closed: Promise<ProcessEnd>;
  /** What it printed on stdout. */
  out = '';
  /** What it printed on stderr, the newest of it. */
  err = '';
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(args: readonly string[], { stdio = ['ignore', 'pipe', 'pipe'], wrap, ...place }: LatecomerOptions = {}) {
    const command = [process.execPath, latecomer, ...args];
    const [program, ...rest] = wrap?.(command) ?? command;
    this.child = spawn(program!, rest, { stdio, ...place });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err = (this.err + text).slice(-errCharactersMax);
      this.#wake();
    });
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.closed = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#isClosed = true;
        resolve({ code, signal });
        this.#wake();
      });
    });
  }

  /** Process id of the program that was started: the supervisor, or the server itself. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Where it listens, once it does. */
  get port(): number {
    const port = this.#port();
    if (port === undefined) throw new Error('the server does not listen yet');
    return port;
  }

  /** Resolves with its port when it accepts connections; rejects when it ends first. */
  listening(): Promise<number> {
    return this.until(() => this.#port(), 'the server to listen');
  }

  /**
   * Resolves with the first result that is not undefined, looked for whenever something was printed. Rejects when the
   * process has ended without it.
   */
  until<T>(look: (printed: this) => T | undefined, what = 'its output'): Promise<T> {
    return within(this.#watch(look, what), what);
  }

  /** The end of its stderr, for people. */
  tail(lines = 40): string {
    return this.err.split('\n').slice(-lines).join('\n');
  }

  async #watch<T>(look: (printed: this) => T | undefined, what: string): Promise<T> {
    for (;;) {
      const found = look(this);
      if (found !== undefined) return found;
      if (this.#isClosed) {
        const end = JSON.stringify(await this.closed);
        throw new Error(`waited for ${what}, but it has ended, ${end}:\n${this.out}${this.tail()}`);
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #port(): number | undefined {
    const port = /^listening on \S+:(\d+)\n/m.exec(this.out)?.[1];
    return port === undefined ? undefined : Number(port);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
