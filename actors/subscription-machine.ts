import { blockLastSeq, type LossReason } from '../protocol/index.js';
import type { Page } from '../storage/index.js';
import { contiguousBlocks, contiguousStretches } from './contiguous-blocks.js';
import type { GapBuffer } from './gap-buffer.js';

/**
 * Where a subscription is:
 * `requested` – accepted; its first number is not committed yet, or nothing was pulled so far;
 * `rewinding` – its number is older than the ring, pages come from the log;
 * `draining` – its number is in the ring, behind the head;
 * `live` – it has everything committed: it keeps up with the stream;
 * `ended` – nothing more will be delivered.
 */
export type SubscriptionState = 'requested' | 'rewinding' | 'draining' | 'live' | 'ended';

/** The steps a subscription may take; any other is a bug and fails loudly. */
export const legalTransitions: Readonly<Record<SubscriptionState, readonly SubscriptionState[]>> = {
  requested: ['rewinding', 'draining', 'live', 'ended'],
  rewinding: ['draining', 'live', 'ended'],
  draining: ['rewinding', 'live', 'ended'],
  live: ['rewinding', 'draining', 'ended'],
  ended: [],
};

/** How a session ended. */
export interface SessionEnd {
  lastSeq: number;
  reason: string;
  /** What the session holds is not to be used. */
  discarded?: boolean;
  /** Why. */
  discardReason?: string;
  /** Name of the session behind it; absent when there is none. */
  next?: string;
}

/** What a subscription needs of the world; every call returns at once. */
export interface SubscriptionPorts {
  /** The live stream, as far as it is held in memory. */
  gap: GapBuffer;
  /** Whether the subscriber's queue is short enough to be given more. */
  hasRoom(): boolean;
  /** Hand blocks to the subscriber, in order; a Buffer may hold several. */
  write(blocks: Buffer[]): void;
  /** Ask the rewind for the page that starts at `from`; it is answered with {@link SubscriptionMachine.pageRead}. */
  readPage(from: number): void;
  /** The rewind is not needed any more. */
  stopRewind(): void;
  /** The subscriber has everything up to `seq`, and gets what follows as it is committed. */
  live(seq: number): void;
  /** Messages the subscriber will never get. */
  lost(from: number, to: number, reason: LossReason): void;
  /** The session is over and all of it was delivered. */
  ended(end: SessionEnd): void;
  /** Every change of state. */
  entered(from: SubscriptionState, to: SubscriptionState, next: number): void;
}

/** Bytes of blocks one pull hands over at the most before it looks at the subscriber's queue again. */
export const pullBytes = 256 * 1024;

/**
 * One position in one log, and the steps that move it: the rewind, the hand-over to the live stream, and the way back
 * when the subscriber falls behind.
 *
 * It is synchronous and does no work of its own accord: time, sockets and storage are behind {@link SubscriptionPorts}.
 * The test whether a number is in the ring and the step that follows from it happen in one turn, so no commit can come
 * between them: that is what makes the hand-over free of gaps and duplicates without a lock.
 */
export class SubscriptionMachine {
  readonly #ports: SubscriptionPorts;
  #state: SubscriptionState = 'requested';
  #next: number;
  #end: SessionEnd | undefined;
  #pageOwed = false;
  #announced = false;

  /** @param next the number wanted first; it may lie beyond what is committed */
  constructor(next: number, ports: SubscriptionPorts) {
    this.#next = next;
    this.#ports = ports;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** The number it wants next; everything before it was delivered or announced as lost. */
  get next(): number {
    return this.#next;
  }

  /** Whether the rewind owes it a page. */
  get pageOwed(): boolean {
    return this.#pageOwed;
  }

  /** The mailbox's notice: everything up to `seq` is committed. */
  committed(seq: number): void {
    this.#ports.gap.committed(seq);
    this.pull();
  }

  /** The session has ended; what is still missing of it is delivered first. */
  sessionEnded(end: SessionEnd): void {
    this.#end = end;
    this.committed(end.lastSeq);
  }

  /** The page asked for. One that comes after the rewind was stopped is dropped. */
  pageRead(page: Page): void {
    if (!this.#pageOwed) return;
    this.#pageOwed = false;
    this.#deliverPage(page);
    if (page.lost && page.lost.to >= this.#next) {
      // Storage may not know any more how far a session went that was removed.
      const to = Math.min(page.lost.to, this.#end?.lastSeq ?? page.lost.to);
      this.#ports.lost(this.#next, to, page.lost.reason);
      this.#next = to + 1;
    }
    this.pull();
  }

  /** The rewind was started anew: ask it again for what it owed. */
  rewindRestarted(): void {
    if (this.#pageOwed) this.#ports.readPage(this.#next);
  }

  /** Unsubscribed, disconnected, or given up: nothing more is delivered. */
  stop(): void {
    if (this.#state !== 'ended') this.#enter('ended');
  }

  /** Move on as far as possible. Called on every commit, whenever the subscriber's queue got short, and after a page. */
  pull(): void {
    while (this.#state !== 'ended' && !this.#pageOwed) {
      if (this.#end && this.#next > this.#end.lastSeq) return this.#finish(this.#end);
      if (this.#next > this.#ports.gap.head) return this.#waitForCommit();
      if (this.#ports.gap.hasLost(this.#next)) return this.#rewind();
      if (!this.#ports.hasRoom()) return this.#enter('draining');
      this.#deliver(this.#ports.gap.take(this.#next, pullBytes));
    }
  }

  #finish(end: SessionEnd): void {
    this.#enter('ended');
    this.#ports.ended(end);
  }

  /** All that is committed was delivered; or, still `requested`, the first number wanted is yet to come. */
  #waitForCommit(): void {
    if (this.#next > this.#ports.gap.head + 1) return;
    this.#enter('live');
    if (this.#announced) return;
    this.#announced = true;
    this.#ports.live(this.#next - 1);
  }

  #rewind(): void {
    this.#enter('rewinding');
    this.#announced = false;
    if (!this.#ports.hasRoom()) return;
    this.#pageOwed = true;
    this.#ports.readPage(this.#next);
  }

  #deliver(blocks: readonly Buffer[]): void {
    const contiguous = contiguousBlocks('subscription', blocks, this.#next);
    if (contiguous.length === 0) return;
    this.#next = blockLastSeq(contiguous[contiguous.length - 1]!) + 1;
    this.#ports.write(contiguous);
  }

  #deliverPage({ stretches }: Page): void {
    const last = stretches[stretches.length - 1];
    if (!last) return;
    const contiguous = contiguousStretches('subscription', stretches, this.#next);
    this.#next = last.lastSeq + 1;
    this.#ports.write(contiguous);
  }

  #enter(state: SubscriptionState): void {
    const from = this.#state;
    if (from === state) return;
    if (!legalTransitions[from].includes(state)) throw new Error(`subscription cannot go from ${from} to ${state}`);
    this.#state = state;
    if (from === 'rewinding') this.#ports.stopRewind();
    if (state === 'ended') this.#pageOwed = false;
    this.#ports.entered(from, state, this.#next);
  }
}
