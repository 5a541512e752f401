import {
  blockHeaderBytes,
  decodePayloads,
  readBlockHeader,
  type ServerMessage,
  verifyBlock,
} from '../../../protocol/index.js';

/** A range that was announced as lost. */
export type Lost = Pick<Extract<ServerMessage, { type: 'LOST' }>, 'from' | 'to' | 'reason'>;

/** A block that was delivered, verified. */
export interface Delivery {
  log: number;
  firstSeq: number;
  lastSeq: number;
  /** Views of what was received, in order. */
  payloads(): Iterable<Buffer>;
}

/** Where the subscriptions of a connection are: every number of a log must follow the one before. */
export class Positions {
  readonly lost: Lost[] = [];
  readonly #next = new Map<number, number>();

  /** The number a log's subscription goes on with. */
  next(log: number): number | undefined {
    return this.#next.get(log);
  }

  /** Check a MESSAGES frame and go past it. @throws Error when it is damaged or not what is due */
  block(frame: Buffer): Delivery {
    if (!verifyBlock(frame)) throw new Error(`a block of ${frame.length} bytes has a wrong crc`);
    const { log, firstSeq, lastSeq } = readBlockHeader(frame);
    this.#advance(log, firstSeq, lastSeq);
    return { log, firstSeq, lastSeq, payloads: () => decodePayloads(frame, blockHeaderBytes) };
  }

  /** Hold a message against the positions. @throws Error when it contradicts them */
  message(message: ServerMessage): void {
    switch (message.type) {
      case 'SUBSCRIBED':
        this.#next.set(message.log, message.from);
        return;
      case 'LOST':
        if (message.log !== undefined) this.#lost(message.log, message);
        return;
      case 'LIVE':
        return this.#expect(message.log, message.seq + 1, 'LIVE');
      case 'END_OF_SESSION':
        return this.#expect(message.log, message.lastSeq + 1, 'END_OF_SESSION');
      case 'UNSUBSCRIBED':
        this.#next.delete(message.log);
    }
  }

  #lost(log: number, { from, to, reason }: Lost): void {
    this.#advance(log, from, to);
    this.lost.push({ from, to, reason });
  }

  #advance(log: number, firstSeq: number, lastSeq: number): void {
    const next = this.#next.get(log);
    if (next !== firstSeq) throw new Error(`log ${log}: expected ${next}, got [${firstSeq}..${lastSeq}]`);
    this.#next.set(log, lastSeq + 1);
  }

  #expect(log: number, expected: number, what: string): void {
    const next = this.#next.get(log);
    if (next !== expected) throw new Error(`${what} says ${expected} is next, deliveries say ${next}`);
  }
}
