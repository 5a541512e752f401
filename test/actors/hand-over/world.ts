import { strict as assert } from 'node:assert';
import { GapBuffer } from '../../../actors/gap-buffer.js';
import {
  type SessionEnd,
  SubscriptionMachine,
  type SubscriptionPorts,
  type SubscriptionState,
} from '../../../actors/subscription-machine.js';
import {
  blockBody,
  blockFirstSeq,
  blockHeaderBytes,
  blockLastSeq,
  decodePayloads,
  encodePayloads,
  type LossReason,
  sealBlock,
  verifyBlock,
} from '../../../protocol/index.js';
import { type Page, Ring, stretchOf } from '../../../storage/index.js';
import { blockOverheadBytes } from '../../../storage/ring.js';

/** Where a hand-over starts. */
export interface Scenario {
  /** Messages of each block of the log, committed or not. */
  blocks: readonly number[];
  /** How many of them are committed when the subscription joins. */
  committedAtJoin: number;
  /** Blocks the ring has room for, all of one size. */
  ringBlocks: number;
  /** First number that is still kept. */
  firstKept: number;
  /** First number wanted. */
  next: number;
  /** Every write fills the subscriber's socket. */
  narrow?: boolean;
}

/** The events whose order is anyone's guess. */
export const events = [
  'block committed',
  'notice of the commit',
  'notice again, late',
  'ring evicts',
  'page of one block',
  'page of two blocks',
  'page that starts with a loss',
  'page that ends with a loss',
  'rewind crash',
  'socket full',
  'socket drained',
  'unsubscribe',
  'end of session',
] as const;

export type Event = (typeof events)[number];

const legal = new Set([
  'requested rewinding',
  'requested draining',
  'requested live',
  'requested ended',
  'rewinding draining',
  'rewinding live',
  'rewinding ended',
  'draining rewinding',
  'draining live',
  'draining ended',
  'live rewinding',
  'live draining',
  'live ended',
]);

/**
 * A log, its ring, a rewind and a subscriber's socket around one SubscriptionMachine, moved by one event at a time.
 * Everything the machine does is held against what it may do: any deviation throws.
 */
export class World implements SubscriptionPorts {
  readonly gap: GapBuffer;
  readonly #scenario: Scenario;
  readonly #blocks: readonly Buffer[];
  readonly #ring: Ring;
  readonly #machine: SubscriptionMachine;
  readonly #read = new Map<Event, () => Page>([
    ['page of one block', () => this.#page(1)],
    ['page of two blocks', () => this.#page(2)],
    ['page that starts with a loss', () => this.#page(0, 'corrupt')],
    ['page that ends with a loss', () => this.#page(1, 'missing')],
  ]);
  #committed: number;
  #noticed: number;
  #room = true;
  #owed: number | undefined;
  #end: SessionEnd | undefined;
  /** What was asked of the machine last, for what may happen in answer to it. */
  #step: 'page' | 'restart' | 'other' = 'other';
  #loss: Page['lost'];
  #state: SubscriptionState = 'requested';
  #expected: number;
  #announcedLive = false;
  #endTold = false;
  #stopped = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#blocks = sealAll(scenario.blocks);
    this.#committed = scenario.committedAtJoin;
    const joined = this.#blocks.slice(0, this.#committed);
    const bytesMax = scenario.ringBlocks * Math.max(...this.#blocks.map((block) => block.length + blockOverheadBytes));
    this.#ring = new Ring(bytesMax, 1);
    for (const block of joined) this.#ring.push(block);
    this.#noticed = this.#lastSeq;
    this.#expected = scenario.next;
    this.gap = new GapBuffer(this.#ring, this.#noticed);
    this.#machine = new SubscriptionMachine(scenario.next, this);
    this.#machine.pull();
    this.#check();
  }

  /** All that the future depends on. */
  get key(): string {
    return [
      this.#state,
      this.#machine.next,
      this.#committed,
      this.#noticed,
      this.#ring.firstSeq,
      this.#room,
      this.#owed,
      this.#end !== undefined,
      this.#announcedLive,
    ].join();
  }

  /** Whether nothing more can happen to the subscription. */
  get over(): boolean {
    return this.#state === 'ended';
  }

  get pageOwed(): boolean {
    return this.#owed !== undefined;
  }

  get nothingPending(): boolean {
    return this.#room && this.#noticed === this.#lastSeq && this.#owed === undefined;
  }

  get expected(): number {
    return this.#expected;
  }

  get #lastSeq(): number {
    return this.#committed === 0 ? 0 : blockLastSeq(this.#blocks[this.#committed - 1]!);
  }

  /** @returns false when the event cannot happen now */
  happen(event: Event): boolean {
    this.#step = 'other';
    if (!this.#happen(event)) return false;
    this.#check();
    return true;
  }

  /** Everything under way arrives; after that the subscription has to be where it belongs. */
  settle(): void {
    for (let steps = 0; !this.over && !this.nothingPending; steps += 1) {
      assert(steps < 50, 'it does not get further');
      this.happen('socket drained');
      this.happen('notice of the commit');
      this.happen('page of two blocks');
    }
    if (this.#stopped) return;
    if (this.#end) {
      assert.equal(this.#state, 'ended', 'all was delivered, but the end of the session was not told');
      return;
    }
    const waits = this.#expected > this.#lastSeq + 1;
    assert.equal(this.#state, waits ? 'requested' : 'live', `stuck at ${this.#expected} of ${this.#lastSeq}`);
    assert.equal(this.#announcedLive, !waits, 'keeps up with the stream and did not say so');
  }

  #happen(event: Event): boolean {
    switch (event) {
      case 'block committed':
        return this.#commit();
      case 'notice of the commit':
        if (this.#noticed === this.#lastSeq || this.#end) return false;
        this.#noticed = this.#lastSeq;
        this.#machine.committed(this.#noticed);
        return true;
      case 'notice again, late':
        this.#machine.committed(Math.min(1, this.#noticed));
        return true;
      case 'ring evicts':
        if (this.#ring.firstSeq > this.#ring.lastSeq) return false;
        this.#ring.reset(this.#ring.lastSeq + 1);
        return true;
      case 'rewind crash':
        if (this.#owed === undefined) return false;
        this.#owed = undefined;
        this.#step = 'restart';
        this.#machine.rewindRestarted();
        assert(this.#owed !== undefined, 'the new rewind was not asked for the page that is owed');
        return true;
      case 'socket full':
        if (!this.#room) return false;
        this.#room = false;
        return true;
      case 'socket drained':
        this.#room = true;
        this.#machine.pull();
        return true;
      case 'unsubscribe':
        return this.#stop();
      case 'end of session':
        return this.#endSession();
      default:
        return this.#readPage(event);
    }
  }

  #commit(): boolean {
    if (this.#end || this.#committed === this.#blocks.length) return false;
    this.#ring.push(this.#blocks[this.#committed]!);
    this.#committed += 1;
    return true;
  }

  #stop(): boolean {
    if (this.over) return false;
    this.#stopped = true;
    this.#machine.stop();
    return true;
  }

  #endSession(): boolean {
    if (this.#end) return false;
    this.#end = { lastSeq: this.#lastSeq, reason: 'closed' };
    this.#noticed = this.#lastSeq;
    this.#machine.sessionEnded(this.#end);
    return true;
  }

  #readPage(event: Event): boolean {
    if (this.#owed === undefined) return false;
    const page = this.#read.get(event)!();
    this.#step = 'page';
    this.#loss = page.lost;
    this.#owed = undefined;
    this.#machine.pageRead(page);
    assert.equal(this.#loss, undefined, 'a loss was not announced');
    return true;
  }

  /** What storage would answer at this moment. */
  #page(blocks: number, loss?: LossReason): Page {
    const from = this.#owed!;
    const { firstKept } = this.#scenario;
    if (from < firstKept) {
      return { stretches: [], lost: { from, to: firstKept - 1, reason: 'retention' }, next: firstKept };
    }
    const kept = this.#blocks.slice(0, this.#committed).filter((block) => blockLastSeq(block) >= from);
    const read = kept.slice(0, blocks);
    const next = read.length > 0 ? blockLastSeq(read[read.length - 1]!) + 1 : from;
    const damaged = kept[blocks];
    if (!loss || !damaged) return { stretches: read.map(stretchOf), next };
    const to = blockLastSeq(damaged);
    return { stretches: read.map(stretchOf), lost: { from: next, to, reason: loss }, next: to + 1 };
  }

  /** What holds at any time. */
  #check(): void {
    assert.equal(this.#machine.state, this.#state, 'a change of state was not told');
    assert.equal(this.#machine.next, this.#expected, 'it does not want the number behind what was delivered');
    assert.equal(this.#machine.pageOwed, this.#owed !== undefined && !this.over, 'it is wrong about the page owed');
    if (this.#machine.pageOwed) return;
    const { key } = this;
    this.#machine.pageRead({ stretches: [stretchOf(this.#blocks[0]!)], next: 0 });
    assert.equal(this.key, key, 'a page that nobody had asked for was taken');
  }

  hasRoom(): boolean {
    return this.#room;
  }

  write(blocks: Buffer[]): void {
    this.#mustGoOn('was written to');
    assert(this.#room || this.#step === 'page', 'was given more although its socket is full');
    for (const block of blocks) {
      assert(verifyBlock(block), 'a block was damaged');
      assert.equal(blockFirstSeq(block), this.#expected, 'the run of numbers is broken');
      assert(blockLastSeq(block) <= this.#lastSeq, 'a block was delivered before it was committed');
      for (const payload of decodePayloads(blockBody(block))) {
        assert.equal(payload.toString(), textOf(this.#expected), 'a number came with the wrong message');
        this.#expected += 1;
      }
    }
    if (this.#scenario.narrow) this.#room = false;
  }

  readPage(from: number): void {
    this.#mustGoOn('asked for a page');
    assert.equal(this.#owed, undefined, 'two pages were asked for at the same time');
    assert.equal(from, this.#expected, 'the page asked for does not start with the number wanted');
    assert(this.#room || this.#step === 'restart', 'the log was read for a socket that is full');
    assert(from < this.#ring.firstSeq, 'the log was read for what is in the ring');
    this.#owed = from;
  }

  stopRewind(): void {
    assert.equal(this.#machine.state === 'ended' || this.#owed === undefined, true, 'a rewind at work was stopped');
    this.#owed = undefined;
  }

  live(seq: number): void {
    this.#mustGoOn('was told to be live');
    assert.equal(this.#announcedLive, false, 'LIVE came twice');
    assert.equal(seq, this.#expected - 1, 'LIVE names a number that was not delivered last');
    assert.equal(seq, this.#noticed, 'LIVE although committed messages were not delivered');
    assert.equal(this.#state, 'live', `LIVE while ${this.#state}`);
    this.#announcedLive = true;
  }

  lost(from: number, to: number, reason: LossReason): void {
    this.#mustGoOn('was told of a loss');
    assert.deepEqual({ from, to, reason }, this.#loss, 'another loss was announced than the one that was found');
    assert.equal(from, this.#expected, 'the loss is not behind what was delivered');
    this.#loss = undefined;
    this.#expected = to + 1;
  }

  ended(end: SessionEnd): void {
    assert(!this.#stopped && !this.#endTold, 'the end was told twice, or after unsubscribing');
    assert.deepEqual(end, this.#end);
    assert(this.#expected > end.lastSeq, 'the end was told before the last number was delivered');
    this.#endTold = true;
  }

  entered(from: SubscriptionState, to: SubscriptionState, next: number): void {
    assert.equal(from, this.#state, 'a change of state was skipped');
    assert(legal.has(`${from} ${to}`), `it went from ${from} to ${to}`);
    assert.equal(next, this.#expected);
    this.#state = to;
    if (to === 'rewinding') this.#announcedLive = false;
  }

  #mustGoOn(what: string): void {
    assert(!this.over && !this.#stopped && !this.#endTold, `a subscription that is over ${what}`);
  }
}

function textOf(seq: number): string {
  return `message ${seq}`;
}

/** All blocks have about the same size, however many messages they hold: the ring counts bytes. */
function sealAll(counts: readonly number[]): Buffer[] {
  let firstSeq = 1;
  return counts.map((count) => {
    const texts = Array.from({ length: count }, (_, index) => Buffer.from(textOf(firstSeq + index)));
    const block = sealBlock(1, firstSeq, 1_000 + firstSeq, [encodePayloads(texts)]);
    assert(block.length > blockHeaderBytes);
    firstSeq += count;
    return block;
  });
}
