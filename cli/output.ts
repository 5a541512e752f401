import { once } from 'node:events';
import { CliError } from './cli-error.js';
import { ExitCode } from './exit-codes.js';
import type { TerminalStream } from './terminal.js';

/** Text is handed to the stream when this many characters have gathered, or when nothing more comes in this turn. */
const chunkChars = 64 * 1024;

/**
 * Lines on their way to a stream, in few writes and with back-pressure. When the reader goes away (`| head`) `closed` is
 * aborted and what comes after is dropped: there is nobody to tell.
 */
export class Output {
  readonly #stream: TerminalStream;
  readonly #closing = new AbortController();
  readonly #beforeWrite: () => void;
  #text = '';
  #flush: NodeJS.Immediate | undefined;

  /** @param beforeWrite called before text appears, to clear what else stands on the terminal */
  constructor(stream: TerminalStream, beforeWrite: () => void = () => undefined) {
    this.#stream = stream;
    this.#beforeWrite = beforeWrite;
    stream.on('error', (error: NodeJS.ErrnoException) => this.#closing.abort(error));
  }

  /** Aborted when the stream takes no more; the reason is its error. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Print a line.
   * @returns a promise to wait for before the next one, when the reader is slow
   */
  line(text: string): Promise<void> | undefined {
    this.#text += `${text}\n`;
    if (this.#text.length >= chunkChars) return this.#write();
    this.#flush ??= setImmediate(() => void this.#write());
    return undefined;
  }

  /**
   * Hand over what has gathered and wait until the stream has it.
   * @throws CliError when it could not be written, unless the reader went away
   */
  async end(): Promise<void> {
    await this.#write();
    if (!this.closed.aborted) await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
    if (!this.closed.aborted || isReaderGone(this.closed.reason)) return;
    const cause = this.closed.reason as Error;
    throw new CliError(ExitCode.failed, `cannot write the output: ${cause.message}`, { cause });
  }

  #write(): Promise<void> | undefined {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const text = this.#text;
    this.#text = '';
    if (text === '' || this.closed.aborted) return undefined;
    this.#beforeWrite();
    if (this.#stream.write(text)) return undefined;
    return once(this.#stream, 'drain', { signal: this.closed }).then(
      () => undefined,
      () => undefined,
    );
  }
}

/** The error of a stream whose reader went away. */
function isReaderGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED';
}
