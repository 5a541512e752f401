import { createReadStream, fstat } from 'node:fs';
import { promisify } from 'node:util';
import type { InputBatch, InputContext, SessionInputSource } from './input-source.js';
import { LineBatches, type LineOptions } from './line-batches.js';

/** How far standard input is read. */
export type StandardInputPosition = {
  /** Identity of the file, when it is one. */
  file: string;
  offset: number;
};

/** How standard input is read. */
export interface StandardInputOptions extends Omit<LineOptions, 'name'> {
  standardInput: StandardInputStream;
}

/** What standard input is. */
export interface StandardInputStream {
  /** Identity of the file, when it is one, so that it can be read again; blank for a pipe or a terminal. */
  file(): Promise<string>;
  /** Read it; a file from `start` on, wherever another process that shares it has got. */
  open(start: number | undefined): AsyncIterable<Buffer>;
}

/**
 * Standard input, a message a line, to its end. A file is read on from its position after a restart. A pipe cannot be
 * read again: what a killed server had taken from it and not written is gone with it, at most about 128 KiB and a line.
 */
export class StandardInput implements SessionInputSource<StandardInputPosition> {
  readonly #options: StandardInputOptions;

  constructor(options: StandardInputOptions) {
    this.#options = options;
  }

  async *read(
    position: StandardInputPosition | undefined,
    { name }: InputContext,
  ): AsyncGenerator<InputBatch<StandardInputPosition>, void, undefined> {
    const { standardInput, lineBytesMax, endOfDay: mark } = this.#options;
    const file = await standardInput.file();
    const start = file !== '' && position?.file === file ? position.offset : 0;
    const lines = new LineBatches({ name: 'standard input', lineBytesMax, endOfDay: mark }, start);
    const batchesOf = function* (batches: ReturnType<LineBatches['push']>) {
      for (const { lines: payloads, end: offset, endOfDay } of batches) {
        yield { payloads, position: { file, offset }, ...(endOfDay && { endOfDay: `end of day in input ${name}` }) };
      }
    };
    for await (const chunk of standardInput.open(file === '' ? undefined : start)) yield* batchesOf(lines.push(chunk));
    yield* batchesOf(lines.finish());
  }
}

/** The process's own. */
export const processStandardInput: StandardInputStream = {
  async file() {
    const facts = await promisify(fstat)(0);
    return facts.isFile() ? `${facts.ino}-${facts.birthtimeMs}` : '';
  },
  open(start) {
    return start !== undefined ? createReadStream('', { fd: 0, start, autoClose: false }) : process.stdin;
  },
};
