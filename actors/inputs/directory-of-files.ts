import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { OpenFile } from './files.js';
import { InputError } from './input-error.js';
import type { InputBatch, InputContext, SessionInputSource } from './input-source.js';
import { type LineBatch, LineBatches, type LineOptions } from './line-batches.js';

/** Up to where in which file; every file whose name sorts before it is done. */
export type DirectoryPosition = { file: string; offset: number; done: boolean };

/** How a directory is read. */
export interface DirectoryOptions extends Omit<LineOptions, 'name'> {
  path: string;
}

type Batches = AsyncGenerator<InputBatch<DirectoryPosition>, void, undefined>;

/** How often the directory is looked at. */
const pollMs = 250;
/** Names that a file has while it is written. */
const unfinished = /^\.|\.(tmp|part)$/;

/**
 * A directory into which files are put, a message a line: each is taken once, in the order of the names. A file has to
 * be whole when it gets its name, and the name has to sort behind those that were taken.
 */
export class DirectoryOfFiles implements SessionInputSource<DirectoryPosition> {
  readonly #options: DirectoryOptions;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  async *read(position: DirectoryPosition | undefined, context: InputContext): Batches {
    let at = position;
    let seen: ReadonlySet<string> | undefined;
    for (;;) {
      const names = await this.#names();
      if (seen && at) this.#nameLate(names, seen, at.file, context);
      seen = new Set(names);
      const next = names.find((name) => !at || name > at.file || (name === at.file && !at.done));
      if (next === undefined) {
        await wait(pollMs, undefined, { signal: context.signal });
        continue;
      }
      const offset = at?.file === next ? at.offset : 0;
      yield* this.#readFile(next, offset, context);
      at = { file: next, offset: 0, done: true };
    }
  }

  async #names(): Promise<string[]> {
    const entries = await readdir(this.#options.path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !unfinished.test(entry.name))
      .map(({ name }) => name)
      .sort();
  }

  /** One that came too late would be taken out of order: that is for a person to decide. */
  #nameLate(names: string[], seen: ReadonlySet<string>, passed: string, { logger }: InputContext): void {
    for (const file of names) {
      if (file >= passed || seen.has(file)) continue;
      logger.warn({ path: this.#options.path, file, passed }, 'a file came too late: its name was passed');
    }
  }

  async *#readFile(name: string, offset: number, { name: input }: InputContext): Batches {
    const file = path.join(this.#options.path, name);
    const lines = new LineBatches({ ...this.#options, name: file }, offset);
    const opened = await OpenFile.open(file);
    try {
      const { size } = await opened.facts();
      if (size < offset) {
        const found = `${file} has ${size} bytes, of which ${offset} were read before`;
        throw new InputError('ERR_INPUT_GONE', `${found}: a file must not change once it has its name`);
      }
      let at = offset;
      while (at < size) {
        const chunk = await opened.read(at);
        at = chunk.length === 0 ? size : at + chunk.length;
        const batches = [...lines.push(chunk), ...(at >= size ? lines.finish() : [])];
        for (const [index, batch] of batches.entries()) {
          yield batchOf(name, batch, at >= size && index === batches.length - 1, input);
        }
      }
    } finally {
      await opened.close();
    }
  }
}

function batchOf(file: string, batch: LineBatch, done: boolean, input: string): InputBatch<DirectoryPosition> {
  const { lines: payloads, end: offset, endOfDay } = batch;
  const position = { file, offset, done };
  return { payloads, position, ...(endOfDay && { endOfDay: `end of day in input ${input}` }) };
}
