import {
  blockBody,
  decodePayloads,
  readBlockHeader,
  type ServerMessage,
  verifyBlock,
} from '../../../protocol/index.js';
import type { Lost } from './positions.js';

/** A range that was asked for, and what of it has come. */
export interface Range {
  next: number;
  to: number;
  texts: string[];
  lost: Lost[];
}

/** The ranges a connection has asked for: every number of a range must follow the one before. */
export class Retransmissions {
  readonly #ranges = new Map<number, Range>();

  /** Expect the messages of a request. */
  expect(request: number, from: number, to: number): Range {
    const range: Range = { next: from, to, texts: [], lost: [] };
    this.#ranges.set(request, range);
    return range;
  }

  /** Take a RETRANSMISSION frame. @throws Error when it is damaged or not what is due */
  block(frame: Buffer): void {
    // The crc covers neither type nor log, so it holds for a retransmission too.
    if (!verifyBlock(frame)) throw new Error('a retransmission has a wrong crc');
    const { log: request, firstSeq, lastSeq } = readBlockHeader(frame);
    const range = this.#ranges.get(request);
    if (range?.next !== firstSeq) throw new Error(`retransmission: expected ${range?.next}, got ${firstSeq}`);
    for (const payload of decodePayloads(blockBody(frame))) range.texts.push(payload.toString());
    range.next = lastSeq + 1;
  }

  /** Take a LOST of a range. @throws Error when it is not what is due */
  lost({ request, from, to, reason }: Extract<ServerMessage, { type: 'LOST' }>): void {
    const range = this.#ranges.get(request!);
    if (range?.next !== from) throw new Error(`LOST of a range: expected ${range?.next}, got ${from}`);
    range.lost.push({ from, to, reason });
    range.next = to + 1;
  }

  /** Hold the end of a request against its range. @throws Error when something is missing */
  complete(range: Range, { messages }: Extract<ServerMessage, { type: 'RETRANSMITTED' }>): void {
    const { next, to, texts } = range;
    if (next !== to + 1) throw new Error(`retransmission up to ${to} ended before ${next}`);
    if (messages !== texts.length) throw new Error(`RETRANSMITTED counts ${messages} messages`);
  }
}
