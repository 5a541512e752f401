import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { packageRoot } from '../../actors/package-root.js';

/** The built command. */
const entry = path.join(packageRoot, 'dist', 'cli', 'latecomer.js');

/** A running `latecomer` command. */
export class LatecomerProcess {
  readonly child: ChildProcess;
  /**
   * Exit status, or the name of the signal that ended it, when no process holds its output any more: it and everything
   * it started are gone, and all they printed has been read.
   */
  readonly ended: Promise<number | NodeJS.Signals>;
  #isOver = false;
  out = '';
  err = '';

  constructor(args: readonly string[], cwd: string) {
    this.child = spawn(process.execPath, [entry, ...args], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#isOver = true;
      return code ?? signal;
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
  }

  /** Resolves with the first result that is not undefined, looked for whenever something was printed. */
  async until<T>(look: (printed: this) => T | undefined): Promise<T> {
    for (;;) {
      const found = look(this);
      if (found !== undefined) return found;
      if (!this.#isOver) {
        await Promise.race([once(this.child.stdout!, 'data'), once(this.child.stderr!, 'data'), this.ended]);
        continue;
      }
      throw new Error(`latecomer ended with ${await this.ended}; stdout: ${this.out}; stderr: ${this.err}`);
    }
  }

  /** Port and process id of the server's n-th life. */
  listening(life: number): Promise<{ port: number; pid: number }> {
    return this.until(({ err }) => {
      const notices = err
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === 'listening');
      return notices[life - 1];
    });
  }
}
