import { Scanner } from './scanner.js';

const cr = 0x0d;
const letterM = 0x4d;
const crlfBytes = 2;

/** The client protocol of NATS: lines that end in CR LF, of which MSG carries a body. All bodies have the same size. */
export abstract class NatsLines extends Scanner {
  readonly #bodyBytes: number;
  /** Length of the last MSG line: most are as long as the one before, which saves the search for their end. */
  #lineBytes = 0;

  constructor(bodyBytes: number) {
    super();
    this.#bodyBytes = bodyBytes;
  }

  protected unit(bytes: Buffer, at: number): number {
    const isMessage = bytes[at] === letterM;
    let end = at + this.#lineBytes;
    if (!isMessage || bytes[end] !== cr) {
      end = bytes.indexOf('\r\n', at);
      if (end < 0 || end + 1 >= bytes.length) return 0;
      if (isMessage) {
        this.#lineBytes = end - at;
        this.#checkBody(bytes.toString('latin1', at, end));
      }
    }
    if (!isMessage) {
      this.line(bytes.toString('latin1', at, end));
      return end + crlfBytes - at;
    }
    const start = end + crlfBytes;
    if (this.wantsBodies && start + this.#bodyBytes > bytes.length) return 0;
    this.message(bytes, at, start);
    return start + this.#bodyBytes + crlfBytes - at;
  }

  /** Whether `message` needs the whole body. */
  protected abstract readonly wantsBodies: boolean;

  /** A MSG whose line starts at `at` and whose body starts at `body`. */
  protected abstract message(bytes: Buffer, at: number, body: number): void;

  /** Any other line. */
  protected abstract line(text: string): void;

  #checkBody(line: string): void {
    const found = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (found !== this.#bodyBytes) throw new Error(`expected a body of ${this.#bodyBytes} bytes: ${line}`);
  }
}

/** @throws Error when the server says that something is wrong */
export function failOnLine(text: string): void {
  if (text.startsWith('-ERR')) throw new Error(text);
}

/** What a client says first. */
export const natsConnect = 'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n';

/** The subject, and the stream, of the benchmark. */
export const subject = 'bench';
