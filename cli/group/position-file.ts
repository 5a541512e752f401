import { crc32 } from 'node:zlib';
import type { DurableFile } from './durable-file.js';

/** How far a message log is. */
export interface LogPosition {
  /** Identity of the numbering; blank before the first message. */
  epoch: string;
  /** Number of the last message in it; 0 before the first. */
  seq: number;
  /** Length of the file that ends with its line. */
  bytes: number;
}

/** What is about to be appended to a message log. Whether it was can be seen from the log itself. */
export interface PositionRow {
  before: LogPosition;
  after: LogPosition;
  /** crc32 of the bytes between the two. */
  crc: number;
}

/** A row fills a sector with readable text: JSON, a tab, the crc32 of the JSON, blanks. */
const rowBytes = 512;

/**
 * The newest row, in two places that are written in turn: one that is torn leaves the one before it. A row is written before
 * the lines it is about, so the older of the two is never needed for lines that are not on disk.
 */
export class PositionFile {
  readonly #file: DurableFile;
  #turn: number;
  readonly row: PositionRow | undefined;

  private constructor(file: DurableFile, turn: number, row: PositionRow | undefined) {
    this.#file = file;
    this.#turn = turn;
    this.row = row;
  }

  /** @returns `undefined` when the file is damaged beyond what a crash can do */
  static async read(file: DurableFile): Promise<PositionFile | undefined> {
    const places = await Promise.all([file.read(0, rowBytes), file.read(rowBytes, rowBytes)]);
    const rows = places.map(parse).filter((row) => row !== undefined);
    const newest = rows.sort((a, b) => b.turn - a.turn)[0];
    // Only the very first row has none to fall back to: it is torn, and nothing was appended.
    if (newest === undefined && places[1]!.length > 0) return undefined;
    return new PositionFile(file, newest?.turn ?? 0, newest);
  }

  async write({ before, after, crc }: PositionRow): Promise<void> {
    this.#turn += 1;
    const json = JSON.stringify({ turn: this.#turn, before, after, crc });
    const row = Buffer.alloc(rowBytes, ' ');
    const written = row.write(`${json}\t${crcText(json)}`);
    if (written >= rowBytes - 1) throw new RangeError(`position of ${written} bytes exceeds ${rowBytes}`);
    row[rowBytes - 1] = 0x0a;
    await this.#file.write(((this.#turn - 1) % 2) * rowBytes, row);
  }
}

function parse(place: Buffer): (PositionRow & { turn: number }) | undefined {
  const [json, crc] = place.toString('utf8').split('\t');
  if (place.length < rowBytes || json === undefined || crc?.trimEnd() !== crcText(json)) return undefined;
  return JSON.parse(json);
}

function crcText(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
