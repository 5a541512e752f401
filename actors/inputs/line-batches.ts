import { binHeaderBytes, blockPayloadBytesMax, limits } from '../../protocol/index.js';
import { InputError } from './input-error.js';

/** Lines that fit one block. */
export interface LineBatch {
  /** Without their newline. */
  lines: Buffer[];
  /** Bytes of the stream up to behind the last of them. */
  end: number;
  /** The line behind them was the one that says the day has ended; `end` is behind it. */
  endOfDay: boolean;
}

/** How lines are cut. */
export interface LineOptions {
  /** What the lines are of, for the error. */
  name: string;
  /** Longest line. */
  lineBytesMax: number;
  /** The line that is no message but the end of the day. */
  endOfDay?: string | undefined;
}

const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines and those into batches, and knows behind each where in the stream it is. A last line
 * without its newline waits for it. Memory is bounded by a line and a chunk.
 */
export class LineBatches {
  readonly #options: LineOptions;
  readonly #endOfDay: Buffer | undefined;
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Bytes of the stream up to behind the last whole line. */
  #end: number;
  #batch: LineBatch | undefined;
  #batchBytes = 0;
  #ready: LineBatch[] = [];

  /** @param start bytes of the stream that were read before, all of them whole lines */
  constructor(options: LineOptions, start = 0) {
    this.#options = options;
    this.#endOfDay = options.endOfDay === undefined ? undefined : Buffer.from(options.endOfDay);
    this.#end = start;
  }

  /**
   * @param chunk is kept until its lines are taken: it must not be written to again
   * @returns the batches of the lines that end in this chunk
   * @throws InputError `ERR_INPUT_LINE`
   */
  push(chunk: Buffer): LineBatch[] {
    let start = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, at));
      this.#lineEnds(1);
      start = at + 1;
    }
    // A view would hold on to the whole chunk.
    if (start < chunk.length) this.#keep(Buffer.from(chunk.subarray(start)));
    return this.#takeReady();
  }

  /** The stream has ended: what is left is a line too. */
  finish(): LineBatch[] {
    if (this.#restBytes > 0) this.#lineEnds(0);
    return this.#takeReady();
  }

  #keep(part: Buffer): void {
    const { name, lineBytesMax } = this.#options;
    this.#restBytes += part.length;
    if (this.#restBytes > lineBytesMax) {
      const found = `the line at byte ${this.#end} of ${name} has more than ${lineBytesMax} bytes`;
      throw new InputError('ERR_INPUT_LINE', `${found}, the most this input takes (lineBytesMax)`);
    }
    this.#rest.push(part);
  }

  #lineEnds(newlineBytes: number): void {
    const line = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest, this.#restBytes);
    this.#rest = [];
    this.#restBytes = 0;
    this.#end += line.length + newlineBytes;
    if (this.#endOfDay?.equals(line)) this.#dayEnds();
    else this.#add(line);
  }

  #add(line: Buffer): void {
    const bytes = binHeaderBytes(line.length) + line.length;
    const full =
      this.#batchBytes + bytes > blockPayloadBytesMax || this.#batch?.lines.length === limits.blockMessagesMax;
    if (full) this.#endBatch();
    this.#batch ??= { lines: [], end: 0, endOfDay: false };
    this.#batch.lines.push(line);
    this.#batch.end = this.#end;
    this.#batchBytes += bytes;
  }

  #dayEnds(): void {
    this.#batch = { lines: this.#batch?.lines ?? [], end: this.#end, endOfDay: true };
    this.#endBatch();
  }

  #endBatch(): void {
    if (this.#batch) this.#ready.push(this.#batch);
    this.#batch = undefined;
    this.#batchBytes = 0;
  }

  #takeReady(): LineBatch[] {
    this.#endBatch();
    return this.#ready.splice(0);
  }
}
