import { createInterface, type Interface } from 'node:readline';
import type { Terminal } from '../terminal.js';

/** What a prompt is made of. */
export interface PromptParts {
  terminal: Terminal;
  /** Stands in front of what is typed. */
  text: string;
  /** Words that are completed. */
  words: readonly string[];
  /**
   * Do a line. Lines are done one after the other.
   * @param signal aborted by Ctrl-C
   * @returns whether the prompt goes on
   */
  run(line: string, signal: AbortSignal): Promise<boolean>;
}

/**
 * Lines from a person at a terminal, with history, editing and completion, or from a pipe, without a prompt. Ctrl-C stops
 * what is being done, else it empties the line, else it ends; Ctrl-D ends.
 */
export class Prompt {
  readonly #parts: PromptParts;
  readonly #isInteractive: boolean;
  readonly #lines: Interface;
  /** Whether the prompt is shown, and what is typed behind it. */
  #isShown = false;
  /** The line that is being done. */
  #doing: AbortController | undefined;

  constructor(parts: PromptParts) {
    this.#parts = parts;
    const { stdin: input, stdout: output } = parts.terminal;
    this.#isInteractive = input.isTTY === true && output.isTTY === true;
    this.#lines = createInterface({
      input,
      output,
      terminal: this.#isInteractive,
      prompt: parts.text,
      completer: (line: string) => [parts.words.filter((word) => word.startsWith(line)), line],
    });
    this.#lines.on('SIGINT', () => this.#onInterrupt());
  }

  get isInteractive(): boolean {
    return this.#isInteractive;
  }

  /** Until the input ends, a line ends it, or a signal does. */
  async run(): Promise<void> {
    const { interrupted } = this.#parts.terminal;
    const end = (): void => {
      this.#doing?.abort(interrupted.reason);
      this.#lines.close();
    };
    interrupted.addEventListener('abort', end, { once: true });
    try {
      const lines = this.#lines[Symbol.asyncIterator]();
      for (;;) {
        this.#show();
        const { value, done } = await lines.next();
        this.#isShown = false;
        if (done || interrupted.aborted || !(await this.#do(value))) return;
      }
    } finally {
      interrupted.removeEventListener('abort', end);
      this.#lines.close();
    }
  }

  /** Print a line, above what is being typed. */
  print(text: string): void {
    const { stdout } = this.#parts.terminal;
    if (!this.#isShown) {
      stdout.write(`${text}\n`);
      return;
    }
    stdout.write(`\r\x1b[K${text}\n`);
    this.#lines.prompt(true);
  }

  async #do(line: string): Promise<boolean> {
    this.#doing = new AbortController();
    try {
      return await this.#parts.run(line, this.#doing.signal);
    } finally {
      this.#doing = undefined;
    }
  }

  #show(): void {
    if (!this.#isInteractive) return;
    this.#isShown = true;
    this.#lines.prompt();
  }

  #onInterrupt(): void {
    if (this.#doing) this.#doing.abort('SIGINT');
    else if (this.#lines.line === '') this.#lines.close();
    else {
      this.#lines.write(null, { ctrl: true, name: 'e' });
      this.#lines.write(null, { ctrl: true, name: 'u' });
    }
  }
}
