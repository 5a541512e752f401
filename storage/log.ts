import { strict as assert } from 'node:assert';
import {
  blockFirstSeq,
  blockLastSeq,
  type Durability,
  type Payloads,
  type ReceiptRun,
  readBlockHeader,
  sealBlock,
} from '../protocol/index.js';
import { packBlockReceipts } from './block-value.js';
import { blockKey } from './keys.js';
import { Ring } from './ring.js';

/** A block that has its numbers and its time, and is not in the log yet. */
export interface SealedBlock {
  block: Buffer;
  firstSeq: number;
  lastSeq: number;
  timeMs: number;
  /** Its key in the database. */
  key: Buffer;
  /** What is stored under it: the block, and the receipts of what is in it. */
  value: Buffer;
}

/** The publishes that are in a block. */
export interface SealedPublishes {
  durability: Durability;
  /** Of each publisher whose receipts are kept: its id and runs. */
  publishers: [id: string, runs: ReceiptRun[]][];
}

/** A block smaller than this is worth putting together with its neighbours, once it is cold. */
const smallBytes = 32 * 1024;

const none = Buffer.alloc(0);

/** What a log starts from. */
export interface LogFacts {
  number: number;
  source: string;
  session: string;
  epoch: string;
  state: 'active' | 'ended';
  firstSeq: number;
  lastSeq: number;
  /** Whether what was in front of `firstSeq` was trimmed. */
  isTrimmed?: boolean;
  /** Time of the newest block, or of the last time it was trimmed; 0 when neither was. */
  timeMs: number;
  /** The receipts of all publishes up to here are in rows of their own. */
  receiptsSeq: number;
}

/**
 * A named, persisted run of messages numbered 1, 2, 3…. The log assigns the numbers and knows what is durable; writing
 * is the committer's work. The sealed blocks are those of one batch: all of them get into the log, or none does.
 */
export class Log {
  /** The log's number on this server. */
  readonly number: number;
  readonly source: string;
  readonly session: string;
  /** Changes only while the store is opened: positions learnt in another epoch may name other messages. */
  readonly epoch: string;
  /** The recent blocks. */
  readonly ring: Ring;
  #state: 'active' | 'ending' | 'ended';
  #firstSeq: number;
  #lastSeq: number;
  #isTrimmed: boolean;
  #timeMs: number;
  /** The blocks of the batch that is being written. */
  #sealed: SealedBlock[] = [];
  #smallFrom: number | undefined;
  #receiptsSeq: number;
  #isRemoved = false;
  #lastReadMs = 0;

  constructor(facts: LogFacts, ringBytesMax: number) {
    this.number = facts.number;
    this.source = facts.source;
    this.session = facts.session;
    this.epoch = facts.epoch;
    this.ring = new Ring(ringBytesMax, facts.lastSeq + 1);
    this.#state = facts.state;
    this.#firstSeq = facts.firstSeq;
    this.#lastSeq = facts.lastSeq;
    this.#isTrimmed = facts.isTrimmed ?? false;
    this.#timeMs = facts.timeMs;
    this.#receiptsSeq = facts.receiptsSeq;
  }

  /** `ended` once the end is durable. */
  get state(): 'active' | 'ended' {
    return this.#state === 'ended' ? 'ended' : 'active';
  }

  /** First number that is still kept; 1 while the log is empty. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Last durable number; `firstSeq - 1` while there is none. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Time of the newest block, or of the last time it was trimmed, in milliseconds since 1970; 0 when neither was. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Whether what was in front of {@link firstSeq} was there, and is not kept because nobody has a claim to it. */
  get isTrimmed(): boolean {
    return this.#isTrimmed;
  }

  /** The next number to assign. */
  get nextSeq(): number {
    return (this.#sealed[this.#sealed.length - 1]?.lastSeq ?? this.#lastSeq) + 1;
  }

  /**
   * Give payloads their numbers and their time (never earlier than the block before). Follow the blocks of a batch with
   * {@link written} or {@link discarded}.
   * @param parts at least one payload, in order; they become one block
   * @param nowMs milliseconds since 1970
   * @param publishes whose payloads they are; their receipts are stored with the block
   */
  seal(parts: readonly Payloads[], nowMs: number, publishes?: SealedPublishes): SealedBlock {
    assert(this.#state === 'active', `log ${this.number} is ${this.#state}`);
    const firstSeq = this.nextSeq;
    const timeMs = Math.max(this.#sealed[this.#sealed.length - 1]?.timeMs ?? this.#timeMs, nowMs);
    const { session, epoch } = this;
    const receipts = publishes?.publishers.length ? packBlockReceipts({ session, epoch, timeMs, ...publishes }) : none;
    const block = sealBlock(this.number, firstSeq, timeMs, parts, receipts.length);
    const value = Buffer.from(block.buffer);
    value.set(receipts, block.length);
    const lastSeq = blockLastSeq(block);
    assert(lastSeq >= firstSeq, 'a block holds at least one message');
    const sealed = { block, firstSeq, lastSeq, timeMs, key: blockKey(this.number, lastSeq), value };
    this.#sealed.push(sealed);
    return sealed;
  }

  /** The sealed blocks are in the log: they go into the ring. */
  written(): void {
    for (const { block } of this.#takeSealed()) this.#append(block);
  }

  /** The sealed blocks are not in the log: their numbers go to the next ones. */
  discarded(): void {
    this.#takeSealed();
  }

  /**
   * A block found in the database after a reopen. Ignored when it is known already; it is new when its fate could not
   * be told in time.
   */
  found(block: Buffer): void {
    if (blockFirstSeq(block) !== this.#lastSeq + 1) return;
    assert(this.#sealed.length === 0, `log ${this.number} has a sealed block outstanding`);
    this.#append(block);
  }

  /**
   * Go on with number `seq`: the messages between were lost before they came here, and readers are told so. Nothing of
   * this is on disk before the next block is, or {@link Store.reachedWrite}.
   * @param seq at least {@link nextSeq}
   */
  skipTo(seq: number): void {
    assert(this.#sealed.length === 0 && seq >= this.nextSeq, `log ${this.number} cannot go on at ${seq}`);
    if (this.#lastSeq < this.#firstSeq) this.#firstSeq = seq;
    this.#lastSeq = seq - 1;
    this.ring.reset(seq);
  }

  /** From now on nothing is sealed; {@link ended} or {@link notEnded} follows. */
  ending(): void {
    assert(this.#state === 'active' && this.#sealed.length === 0, `log ${this.number} is being written or ended`);
    this.#state = 'ending';
  }

  /** The end is durable, or was found in the database after a reopen. */
  ended(): void {
    this.#state = 'ended';
  }

  /** The end could not be written; ignored when it has been found in the database. */
  notEnded(): void {
    if (this.#state === 'ending') this.#state = 'active';
  }

  /**
   * Give back the memory of the recent blocks of a session that has ended, when nobody follows it any more. One who
   * still does, or comes later, reads them from the database: to it the ring is one that has moved on.
   */
  releaseRing(): void {
    assert(this.#state === 'ended', `log ${this.number} is ${this.#state}: its ring is in use`);
    this.ring.reset(this.#lastSeq + 1);
  }

  /**
   * That nothing in front of `seq` is kept any more is on record. No later block will be of a time before that.
   * @param seq at most the number behind the last one
   */
  trimmed(seq: number, atMs: number): void {
    assert(seq > this.#firstSeq && seq <= this.#lastSeq + 1, `log ${this.number} cannot be trimmed to ${seq}`);
    this.#firstSeq = seq;
    this.#isTrimmed = true;
    this.#timeMs = Math.max(this.#timeMs, atMs);
  }

  /** Whether its session was removed: nothing of it is kept. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** The session was removed from the catalogue. Those who still follow its ring have what is in there. */
  removed(): void {
    assert(this.#state === 'ended', `log ${this.number} is ${this.#state}: it is in use`);
    this.#isRemoved = true;
    this.#firstSeq = this.#lastSeq + 1;
  }

  /** When somebody read it last, in milliseconds since 1970; 0: not since the store was opened. */
  get lastReadMs(): number {
    return this.#lastReadMs;
  }

  /** Somebody reads it. */
  readAt(nowMs: number): void {
    this.#lastReadMs = nowMs;
  }

  /** Up to here the receipts of all publishes are in rows of their own; behind it they are with their blocks only. */
  get receiptsSeq(): number {
    return this.#receiptsSeq;
  }

  /** That the receipts up to `seq` are in rows of their own is on record. */
  receiptsSaved(seq: number): void {
    assert(seq >= this.#receiptsSeq && seq <= this.#lastSeq, `receipts of log ${this.number} saved up to ${seq}`);
    this.#receiptsSeq = seq;
  }

  /** First number of the small blocks that were added since this was last asked; `undefined` when there are none. */
  takeSmallFrom(): number | undefined {
    const from = this.#smallFrom;
    this.#smallFrom = undefined;
    return from;
  }

  #takeSealed(): SealedBlock[] {
    assert(this.#sealed.length > 0, `log ${this.number} has no sealed block`);
    const sealed = this.#sealed;
    this.#sealed = [];
    return sealed;
  }

  #append(block: Buffer): void {
    this.ring.push(block);
    if (block.length < smallBytes) this.#smallFrom ??= blockFirstSeq(block);
    this.#lastSeq = blockLastSeq(block);
    this.#timeMs = readBlockHeader(block).timeMs;
  }
}
