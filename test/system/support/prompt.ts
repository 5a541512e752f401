import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../../support/deadline.js';
import type { LatecomerProcess } from '../../support/latecomer-process.js';
import type { Arena } from './arena.js';

const script = fileURLToPath(new URL('terminal.py', import.meta.url));

/** Why there are no pseudo-terminals here; `undefined` when there are. */
export const terminalMissing =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0
    ? undefined
    : 'python3 (3.9 or later) is not installed';

/** Keys of a terminal. */
export const key = { enter: '\r', tab: '\t', up: '\x1b[A', end: '\x04', interrupt: '\x03' } as const;

/** `latecomer participant` at a pseudo-terminal. */
export class PromptProcess {
  readonly process: LatecomerProcess;
  /** Where in what is shown the line of the last prompt begins. */
  #seen = 0;

  private constructor(process: LatecomerProcess) {
    this.process = process;
  }

  /** Start it; resolves when it shows its prompt. */
  static async start(arena: Arena, file: string): Promise<PromptProcess> {
    const process = arena.run(['participant', file], { wrap: (command) => ['python3', script, ...command] });
    const prompt = new PromptProcess(process);
    await prompt.shows(/help lists the commands\s+\S+> $/);
    return prompt;
  }

  /** Type keys. */
  press(keys: string): void {
    this.process.child.stdin!.write(keys);
  }

  /** Type a line, and wait for what it is answered with and the next prompt. @returns the answer */
  async type(line: string): Promise<string> {
    this.press(`${line}${key.enter}`);
    return this.answer();
  }

  /** What is shown between the line that was typed and the next prompt. */
  async answer(): Promise<string> {
    const shown = await this.shows(/\n([\s\S]*\n)\S+> $/);
    return shown[1]!.trim();
  }

  /** Wait for the terminal to show something it has not shown before the last answer. */
  async shows(wanted: RegExp): Promise<RegExpExecArray> {
    return this.process.until(() => {
      const found = wanted.exec(this.#screen().slice(this.#seen));
      // The line of the prompt may be cleared and shown again.
      if (found) this.#seen = this.#screen().lastIndexOf('\n') + 1;
      return found ?? undefined;
    }, `${wanted} to be shown`);
  }

  /** Wait for its end. @returns its exit status */
  async ended(): Promise<number | null> {
    return (await within(this.process.closed, 'the participant to end')).code;
  }

  /** What is shown: a line that was cleared is not, and neither are the sequences that move the cursor. */
  #screen(): string {
    // biome-ignore-start lint/suspicious/noControlCharactersInRegex: that is how they begin
    return this.process.out
      .replaceAll(/[^\n]*(?:\r|\x1b\[1G)\x1b\[0?[JK]/g, '')
      .replaceAll(/\x1b\[[0-9;]*[A-Za-z]/g, '')
      .replaceAll('\r', '');
    // biome-ignore-end lint/suspicious/noControlCharactersInRegex: that is how they begin
  }
}
