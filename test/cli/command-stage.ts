import { afterEach, beforeEach } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { CommandProcess } from './command-process.js';

/** A directory for each test of a file, and the `latecomer` commands that run in it; both are gone after the test. */
export class CommandStage {
  cwd = '';
  #remove: () => Promise<void> = async () => {};
  #started: CommandProcess[] = [];

  constructor() {
    beforeEach(async () => {
      ({ directory: this.cwd, remove: this.#remove } = await temporaryDirectory());
    });
    afterEach(async () => {
      for (const { child } of this.#started) child.kill('SIGKILL');
      await Promise.all(this.#started.map(({ ended }) => ended));
      this.#started = [];
      await this.#remove();
    });
  }

  start(...args: string[]): CommandProcess {
    const process = new CommandProcess(args, this.cwd);
    this.#started.push(process);
    return process;
  }
}
