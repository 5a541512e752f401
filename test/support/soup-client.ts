import { createConnection, type Socket } from 'node:net';
import { Inbox } from './inbox.js';

/** A packet a server has sent, taken apart by hand. */
export interface SoupPacket {
  type: string;
  payload: Buffer;
}

/** How the packets of a connection look. */
export type SoupFormat = 'binary' | 'lines';

/** A Login Request of SoupBinTCP 3.00: length 47, `L`, user 6, password 10, session 10, number 20. */
export function binLogin(sequence: number | string, session = '', user = '', password = ''): Buffer {
  const fields = user.padEnd(6) + password.padEnd(10) + session.padStart(10) + String(sequence).padStart(20);
  return Buffer.concat([Buffer.from([0, 47]), Buffer.from(`L${fields}`, 'latin1')]);
}

/** A Login Request of SoupTCP 2.00: `L`, user 6, password 10, session 10, number 10, line feed. */
export function lineLogin(sequence: number | string, session = '', user = '', password = ''): Buffer {
  const fields = user.padEnd(6) + password.padEnd(10) + session.padStart(10) + String(sequence).padStart(10);
  return Buffer.from(`L${fields}\n`, 'latin1');
}

/** A packet of SoupBinTCP: a length of two bytes, a type, a payload. */
export function binPacket(type: string, payload: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([(bytes.length + 1) >> 8, (bytes.length + 1) & 0xff]), Buffer.from(type), bytes]);
}

/** Take the whole packets off the front of `bytes`, and return what is left. */
export function takePackets(bytes: Buffer, format: SoupFormat, packet: (packet: SoupPacket) => void): Buffer {
  let rest = bytes;
  for (;;) {
    const start = format === 'binary' ? 2 : 0;
    const end = format === 'binary' ? (rest.length < 2 ? -1 : 2 + rest.readUInt16BE(0)) : rest.indexOf(10);
    if (end === -1 || end > rest.length) return rest;
    packet({ type: rest.toString('latin1', start, start + 1), payload: rest.subarray(start + 1, end) });
    rest = rest.subarray(format === 'binary' ? end : end + 1);
  }
}

/**
 * A client of the Soup family, small and on its own: it counts its messages as the documents say, answers each heartbeat
 * with one, and keeps what is no message.
 */
export class SoupClient {
  readonly socket: Socket;
  /** What is neither a message nor a heartbeat. */
  readonly packets = new Inbox<SoupPacket>();
  /** Messages as text, in order. */
  readonly texts: string[] = [];
  /** Number of the first message, as the login was answered. */
  first = 0;
  session = '';
  heartbeats = 0;
  readonly closed: Promise<void>;
  readonly #format: SoupFormat;
  readonly #watchers = new Set<() => void>();
  #rest: Buffer = Buffer.alloc(0);

  constructor(port: number, format: SoupFormat) {
    this.#format = format;
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = takePackets(Buffer.concat([this.#rest, chunk]), format, (packet) => this.#take(packet));
      for (const watcher of [...this.#watchers]) watcher();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.packets.close('the connection is closed');
        resolve();
      });
    });
  }

  /** Log in, and wait until that is answered. */
  static async loggedIn(port: number, format: SoupFormat, login: Buffer | string): Promise<SoupClient> {
    const client = new SoupClient(port, format);
    client.socket.write(login);
    await client.accepted();
    return client;
  }

  /** Number of the next message. */
  get next(): number {
    return this.first + this.texts.length;
  }

  async accepted(): Promise<void> {
    const { payload } = await this.take('A');
    this.session = payload.toString('latin1', 0, 10).trim();
    this.first = Number(payload.toString('latin1', 10).trim());
  }

  take(type: string): Promise<SoupPacket> {
    return this.packets.take((packet) => packet.type === type, `a packet ${type}`);
  }

  /** The text of the next debug packet. */
  async debug(): Promise<string> {
    return (await this.take('+')).payload.toString('latin1');
  }

  /** Resolves when the messages up to this number have come. */
  async reached(seq: number): Promise<void> {
    while (this.next <= seq) {
      await new Promise<void>((resolve, reject) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
        void this.closed.then(() => reject(new Error(`closed at ${this.next}, before ${seq}`)));
      });
    }
  }

  send(type: string, payload: string | Buffer = ''): void {
    const line = Buffer.concat([Buffer.from(type), Buffer.from(payload), Buffer.from('\n')]);
    this.socket.write(this.#format === 'binary' ? binPacket(type, payload) : line);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(packet: SoupPacket): void {
    const isEnd = this.#format === 'lines' && packet.payload.length === 0;
    if (packet.type === 'H') {
      this.heartbeats += 1;
      this.send('R');
    } else if (packet.type === 'S' && !isEnd) this.texts.push(packet.payload.toString());
    else this.packets.push(isEnd && packet.type === 'S' ? { ...packet, type: 'Z' } : packet);
  }
}
