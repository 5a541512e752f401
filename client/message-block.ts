import { blockHeaderBytes } from '../protocol/index.js';
import { LatecomerError } from './errors.js';
import type { Values } from './values.js';

/** One message of a session. */
export interface Message<T> {
  session: string;
  /** Its number in the session, from 1. */
  seq: number;
  /** Milliseconds since 1970 at which the server accepted it. */
  timeMs: number;
  payload: T;
}

/** What a block's header and its subscription say about its messages. */
export interface BlockFacts {
  session: string;
  /** The epoch its numbers belong to; blank when that was not asked for. */
  epoch: string;
  firstSeq: number;
  count: number;
  timeMs: number;
}

const bin8 = 0xc4;
const bin16 = 0xc5;
const bin32 = 0xc6;

/**
 * Messages that were committed together, handed out one by one. Payloads are views of the received bytes; nothing is
 * decoded before it is asked for. It can be read once.
 */
export class MessageBlock<T> implements Iterable<Message<T>> {
  readonly session: string;
  /** The epoch its numbers belong to; blank when that was not asked for. */
  readonly epoch: string;
  readonly timeMs: number;
  readonly lastSeq: number;
  readonly #frame: Buffer;
  readonly #values: Values<T>;
  #offset = blockHeaderBytes;
  #nextSeq: number;

  constructor(frame: Buffer, facts: BlockFacts, values: Values<T>) {
    this.session = facts.session;
    this.epoch = facts.epoch;
    this.timeMs = facts.timeMs;
    this.lastSeq = facts.firstSeq + facts.count - 1;
    this.#nextSeq = facts.firstSeq;
    this.#frame = frame;
    this.#values = values;
  }

  /** Number of the next message to be handed out; `lastSeq + 1` when all have been. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Messages not handed out yet. */
  get remaining(): number {
    return this.lastSeq + 1 - this.#nextSeq;
  }

  /** Bytes the block keeps in memory. */
  get bytes(): number {
    return this.#frame.length;
  }

  /**
   * The next message, `undefined` after the last.
   * @throws LatecomerError `ERR_BAD_VALUE` when the payload does not decode, `ERR_BAD_MESSAGE` when the block is broken
   */
  take(): Message<T> | undefined {
    if (this.#nextSeq > this.lastSeq) return undefined;
    const seq = this.#nextSeq;
    const bytes = this.#takeBytes();
    this.#nextSeq = seq + 1;
    return { session: this.session, seq, timeMs: this.timeMs, payload: this.#decode(bytes, seq) };
  }

  /** Leave out what stands in front of a number. @throws LatecomerError `ERR_BAD_MESSAGE` when the block is broken */
  skipTo(seq: number): void {
    for (; this.#nextSeq < seq; this.#nextSeq += 1) this.#takeBytes();
  }

  *[Symbol.iterator](): Generator<Message<T>> {
    for (let message = this.take(); message !== undefined; message = this.take()) yield message;
  }

  #takeBytes(): Buffer {
    const frame = this.#frame;
    const marker = frame[this.#offset];
    let start = this.#offset;
    let end = -1;
    if (marker === bin8) {
      start += 2;
      end = start + frame[start - 1]!;
    } else if (marker === bin16 && start + 3 <= frame.length) {
      start += 3;
      end = start + frame.readUInt16BE(start - 2);
    } else if (marker === bin32 && start + 5 <= frame.length) {
      start += 5;
      end = start + frame.readUInt32BE(start - 4);
    }
    if (!(end >= start && end <= frame.length)) {
      throw new LatecomerError('ERR_BAD_MESSAGE', `message ${this.#nextSeq} of ${this.session} is no whole bin value`);
    }
    this.#offset = end;
    return frame.subarray(start, end);
  }

  #decode(bytes: Buffer, seq: number): T {
    try {
      return this.#values.decode(bytes);
    } catch (cause) {
      const message = `the payload of message ${seq} of ${this.session} does not decode: ${(cause as Error).message}`;
      throw new LatecomerError('ERR_BAD_VALUE', message, { facts: { session: this.session, seq }, cause });
    }
  }
}
