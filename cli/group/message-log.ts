import { crc32 } from 'node:zlib';
import type { DurableFile } from './durable-file.js';
import { type LogPosition, PositionFile } from './position-file.js';

/** Why a message log cannot be continued. */
export class MessageLogError extends Error {
  override readonly name = 'MessageLogError';
}

/** The files of a message log, open. */
export interface MessageLogFiles {
  /** The messages, one a line. */
  log: DurableFile;
  /** How far it is. */
  position: DurableFile;
  /** Its path, for errors; the position's is `${name}.position`. */
  name: string;
}

/**
 * A file of messages in the order they were received, one a line, and beside it how far it is. What is to be appended is
 * announced in the position file first, with its length and crc: after a crash the lines announced are all there, and
 * count, or are cut off, and come again. So no line is lost, none is doubled, and none is half a line.
 */
export class MessageLog {
  readonly #log: DurableFile;
  readonly #position: PositionFile;
  #end: LogPosition;

  private constructor(log: DurableFile, position: PositionFile, end: LogPosition) {
    this.#log = log;
    this.#position = position;
    this.#end = end;
  }

  /**
   * Find out how far the log is and cut off what a crash left unfinished. A log without position, from elsewhere, is
   * continued at its end.
   * @throws MessageLogError when somebody else has changed one of the files
   */
  static async open({ log, position: file, name }: MessageLogFiles): Promise<MessageLog> {
    const position = await PositionFile.read(file);
    const size = await log.size();
    if (position === undefined) {
      throw new MessageLogError(`${name}.position is damaged: remove it to continue ${name} at its end`);
    }
    const row = position.row;
    if (row === undefined) return new MessageLog(log, position, { epoch: '', seq: 0, bytes: size });
    const { before, after, crc } = row;
    if (size < before.bytes) {
      const found = `${name} has ${size} bytes, and had ${before.bytes} of which its position was kept`;
      throw new MessageLogError(`${found}: put it back, or remove ${name}.position to go on with what is left`);
    }
    const appended = await log.read(before.bytes, after.bytes - before.bytes);
    const isWhole = appended.length === after.bytes - before.bytes && crc32(appended) === crc;
    const end = isWhole ? after : before;
    if (size > end.bytes) await log.truncate(end.bytes);
    return new MessageLog(log, position, end);
  }

  /** The last message in it; `undefined` when that is not known, as in a new log. */
  get position(): { epoch: string; seq: number } | undefined {
    const { epoch, seq } = this.#end;
    return epoch === '' ? undefined : { epoch, seq };
  }

  /**
   * Append lines; they are on disk, with the position, when it resolves. One call at a time; after one that failed the log
   * is to be opened anew.
   * @param lines without newlines
   * @param last the message of the last one
   */
  async append(lines: readonly string[], last: { epoch: string; seq: number }): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const before = this.#end;
    const after = { ...last, bytes: before.bytes + text.length };
    await this.#position.write({ before, after, crc: crc32(text) });
    await this.#log.write(before.bytes, text);
    this.#end = after;
  }
}
