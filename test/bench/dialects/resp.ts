import { Scanner } from './scanner.js';

const cr = 0x0d;
const digit0 = 0x30;
const crlfBytes = 2;

/** The kinds of RESP values by the byte they start with. */
export const resp = { array: 0x2a, bulk: 0x24, integer: 0x3a, simple: 0x2b, error: 0x2d } as const;

/** The protocol of Redis: values of a line each, of which a bulk string carries a body. */
export abstract class RespValues extends Scanner {
  protected unit(bytes: Buffer, at: number): number {
    const kind = bytes[at]!;
    let end = at + 1;
    let size = 0;
    for (; end < bytes.length && bytes[end] !== cr; end += 1) size = size * 10 + bytes[end]! - digit0;
    if (end + 1 >= bytes.length) return 0;
    if (kind === resp.error) throw new Error(bytes.toString('latin1', at, end));
    const body = end + crlfBytes;
    if (kind !== resp.bulk) {
      this.value(kind, size, bytes, body);
      return body - at;
    }
    if (this.wantsBodies && body + size > bytes.length) return 0;
    this.value(kind, size, bytes, body);
    return body + size + crlfBytes - at;
  }

  /** Whether `value` needs the whole body. */
  protected abstract readonly wantsBodies: boolean;

  /** @param size what the line says: a length, a count, or the value of an integer; @param body where a body starts */
  protected abstract value(kind: number, size: number, bytes: Buffer, body: number): void;
}

/** A command as an array of bulk strings. */
export function command(...words: (string | Buffer)[]): string {
  const bulks = words.map((word) => `$${word.length}\r\n${word.toString('latin1')}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}

/** The channel, and the stream, of the benchmark. */
export const channel = 'bench';
