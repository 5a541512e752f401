import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('latecomer.py', import.meta.url));

/** A Python with the msgpack package: the one on the path, or the system's. */
const python = ['python3', '/usr/bin/python3'].find(
  (command) => spawnSync(command, ['-c', 'import msgpack']).status === 0,
);

/** Why the Python client cannot run here; `undefined` when it can. */
export const pythonMissing = python === undefined ? 'python3 with the msgpack package is not installed' : undefined;

/** One line of what the Python client prints. */
export type PythonEvent = Record<string, unknown> & { event: string };

/** A run of `latecomer.py`. Its events can be awaited one by one or as a whole. */
export class PythonClient {
  readonly #process: ChildProcess;
  readonly #events: PythonEvent[] = [];
  readonly #finished: Promise<void>;
  #stderr = '';
  #ended = false;
  #taken = 0;
  #wake: () => void = () => undefined;

  constructor(port: number, ...args: string[]) {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    this.#process = spawn(python!, [script, '--port', String(port), ...args], { env, stdio: 'pipe' });
    this.#process.stderr!.on('data', (text) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as PythonEvent);
      this.#wake();
    });
    this.#finished = once(this.#process, 'close').then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Lines for its standard input, and the end of it. */
  input(lines: readonly string[]): this {
    this.#process.stdin!.end(lines.map((line) => `${line}\n`).join(''));
    return this;
  }

  /** The next event of this name, the ones before it dropped. */
  async next(name: string): Promise<PythonEvent> {
    for (;;) {
      while (this.#taken < this.#events.length) {
        const event = this.#events[this.#taken++]!;
        if (event.event === name) return event;
      }
      if (this.#ended) throw new Error(`no ${name} among ${JSON.stringify(this.#events)}\n${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything it printed, once it has ended by itself, and its exit code. */
  async all(): Promise<{ events: PythonEvent[]; code: number | null }> {
    await this.#finished;
    if (this.#stderr !== '') throw new Error(this.#stderr);
    return { events: this.#events, code: this.#process.exitCode };
  }

  /** End it if it still runs. */
  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#finished;
  }
}
