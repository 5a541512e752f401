import { setTimeout as wait } from 'node:timers/promises';
import { type NamedFile, OpenFile } from './files.js';
import type { InputBatch, InputContext, SessionInputSource } from './input-source.js';
import { type LineBatch, LineBatches, type LineOptions } from './line-batches.js';
import { RotatedFiles } from './rotated-files.js';

/** Where in which file. */
export type FilePosition = {
  /** Identity of the file, which it keeps when it is renamed. */
  file: string;
  /** Bytes of it that are in the log: whole lines. */
  offset: number;
  /** Digest of its first bytes: another one means that it was written anew. */
  head: string;
  /** Identities of the files that were finished last. */
  finished: string[];
};

/** How a file is followed. */
export interface FollowedFileOptions extends Omit<LineOptions, 'name'> {
  path: string;
}

type Batches = AsyncGenerator<InputBatch<FilePosition>, void, undefined>;

/** How often the file is looked at. */
const pollMs = 50;
const finishedMax = 16;
/** A file that is not there for longer may never come. */
const looksQuiet = 20;

/**
 * A file that grows, a message a line. It is followed through its rotation: when another file has its name and something
 * was written to that, it is read to its end and then the files that came after it. When it becomes shorter, or its
 * beginning changes, it is read from the start.
 */
export class FollowedFile implements SessionInputSource<FilePosition> {
  readonly #options: FollowedFileOptions;
  readonly #files: RotatedFiles;

  constructor(options: FollowedFileOptions) {
    this.#options = options;
    this.#files = new RotatedFiles(options.path);
  }

  async *read(position: FilePosition | undefined, context: InputContext): Batches {
    const finished = [...(position?.finished ?? [])];
    let next = position ? await this.#resume(position, context) : undefined;
    let offset = next && next.id === position?.file ? position.offset : 0;
    let head = position?.head;
    for (;;) {
      next ??= await this.#appear(context);
      const file = await OpenFile.open(next.path).catch(unlessGone);
      const facts = await file?.facts();
      if (!file || facts?.id !== next.id) {
        // It was renamed between the look and the opening.
        await file?.close();
        next = await this.#files.find(next.id);
        if (!next) offset = 0;
        continue;
      }
      try {
        next = yield* this.#readOut(new Reading(file, facts.id, offset, head), finished, context);
      } finally {
        await file.close();
      }
      finished.push(facts.id);
      if (finished.length > finishedMax) finished.shift();
      offset = 0;
      head = undefined;
    }
  }

  /** The file of the position, or what comes after it. */
  async #resume(position: FilePosition, { logger }: InputContext): Promise<NamedFile | undefined> {
    const found = await this.#files.find(position.file);
    if (found) return found;
    const { path } = this.#options;
    logger.warn(
      { path, offset: position.offset },
      'the file that was followed is gone: what was not read of it is lost',
    );
    const bornNs = BigInt(position.file.split('-')[1] ?? 0);
    if (bornNs === 0n) return undefined;
    return this.#files.after({ id: position.file, bornNs, writtenNs: 0n }, position.finished);
  }

  async #appear({ signal, logger }: InputContext): Promise<NamedFile> {
    const { path } = this.#options;
    for (let looks = 0; ; looks += 1) {
      const current = await this.#files.current();
      if (current) return current;
      if (looks === looksQuiet) logger.warn({ path }, 'there is no file of that path: the input waits for it');
      await wait(pollMs, undefined, { signal });
    }
  }

  /** All of a file, up to the moment when another one follows it. @returns that one */
  async *#readOut(
    reading: Reading,
    finished: readonly string[],
    { signal, logger, name }: InputContext,
  ): AsyncGenerator<InputBatch<FilePosition>, NamedFile, undefined> {
    const options = { ...this.#options, name: this.#options.path };
    let lines = new LineBatches(options, reading.offset);
    const batchOf = async ({ lines: payloads, end, endOfDay }: LineBatch): Promise<InputBatch<FilePosition>> => ({
      payloads,
      position: { file: reading.id, offset: end, head: await reading.headAt(end), finished: [...finished] },
      ...(endOfDay && { endOfDay: `end of day in input ${name}` }),
    });
    for (;;) {
      // Looked for first: what was written before the file that follows was begun is then read below.
      const next = await this.#files.after(await reading.file.facts(), finished);
      if (await reading.isAnew()) {
        logger.warn(
          { path: options.path, offset: reading.offset },
          'the file was truncated: it is read from its start',
        );
        reading.restart();
        lines = new LineBatches(options);
      }
      for (let chunk = await reading.take(); chunk.length > 0; chunk = await reading.take()) {
        for (const batch of lines.push(chunk)) yield await batchOf(batch);
      }
      if (next) {
        for (const batch of lines.finish()) yield await batchOf(batch);
        return next;
      }
      await wait(pollMs, undefined, { signal });
    }
  }
}

/** How far a file has been read, and whether it is still the same. */
class Reading {
  readonly file: OpenFile;
  readonly id: string;
  offset: number;
  /** Digest of the first bytes of those that were read. */
  #head: string | undefined;
  #headBytes: number;
  /** When it was written to last, as far as it was looked at. */
  #writtenNs: bigint | undefined;

  constructor(file: OpenFile, id: string, offset: number, head: string | undefined) {
    this.file = file;
    this.id = id;
    this.offset = offset;
    this.#head = offset > 0 ? head : undefined;
    this.#headBytes = offset;
  }

  async take(): Promise<Buffer> {
    const chunk = await this.file.read(this.offset);
    this.offset += chunk.length;
    return chunk;
  }

  /** Whether what was read of it is not what it holds any more. */
  async isAnew(): Promise<boolean> {
    const { size, writtenNs } = await this.file.facts();
    if (size < this.offset) return true;
    if (writtenNs === this.#writtenNs) return false;
    this.#writtenNs = writtenNs;
    return this.#head !== undefined && (await this.file.head(this.#headBytes)) !== this.#head;
  }

  restart(): void {
    this.offset = 0;
    this.#head = undefined;
    this.#headBytes = 0;
  }

  /** Digest of the first bytes when `end` of them are in the log. */
  async headAt(end: number): Promise<string> {
    if (this.#head === undefined || this.#headBytes < headBytesEnough) {
      this.#head = await this.file.head(end);
      this.#headBytes = end;
    }
    return this.#head;
  }
}

/** With so many bytes known the digest does not change any more. */
const headBytesEnough = 1024;

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
