import { type ErrorCode, errorCodes, type LossReason, type SessionSummary } from '../protocol/index.js';
import type { Page } from '../storage/index.js';
import type { Member } from './fan-out.js';
import { GapBuffer } from './gap-buffer.js';
import { endedLog, type Followed } from './origin.js';
import type { Outlet } from './outlet.js';
import type { Rewinds } from './rewinds.js';
import { Actor, type Behaviour, type Ref } from './runtime/index.js';
import {
  type SessionEnd,
  SubscriptionMachine,
  type SubscriptionPorts,
  type SubscriptionState,
} from './subscription-machine.js';
import type { SubscriptionMembers } from './subscription-members.js';
import { type RewindName, SupervisedRewind } from './supervised-rewind.js';

/** What a Subscription understands. */
export type SubscriptionProtocol = {
  /** Join the stream and start to deliver; `self` is for its Rewind. Answered with what its connection calls directly. */
  begin: [{ self: Ref<SubscriptionProtocol> }, OpenSubscription];
  /** A page from that Rewind. */
  page: [{ rewind: RewindName; page: Page }, void];
  /** That Rewind has failed. */
  rewindFailed: [{ rewind: RewindName; error: Error }, void];
};

/** A line of `latecomer inspect`. */
export interface SubscriptionInspection {
  connection: number;
  client: string;
  source: string;
  session: string;
  state: string;
  next: number;
  head: number;
  queuedBytes: number;
  rewindRestarts: number;
}

/** Where a subscription starts, and for whom. */
export interface SubscriptionStart {
  session: SessionSummary;
  next: number;
  /** The session has ended: it is served from the log and never joins the broadcast. */
  pull: boolean;
  client: string;
  outlet: Outlet;
  /**
   * Called once, when nothing more will be delivered.
   * @param end how the session ended, when all of it was delivered
   */
  over(end?: SessionEnd): void;
}

/** What a Subscription is made of. */
export interface SubscriptionParameters {
  start: SubscriptionStart;
  /** Whom to join; absent for a pull. */
  members?: SubscriptionMembers;
  rewinds: Rewinds;
  /** Called once, after the end: the actor may be stopped, unless it never began. */
  ended(subscription: OpenSubscription, self: Ref<SubscriptionProtocol> | undefined): void;
}

/** A subscription as its connection sees it. */
export interface OpenSubscription {
  readonly over: boolean;
  /** The number it delivers next; everything before it was delivered or announced as lost. */
  readonly next: number;
  /** The connection's queue is short again. */
  drained(): void;
  /** What its session holds is not to be used: its client is told, unless it has been. */
  discarded(reason: string): void;
  /** Nothing more is delivered. */
  stop(): void;
  inspect(): SubscriptionInspection;
}

/**
 * One client's position in one log. The decisions are {@link SubscriptionMachine}'s; this actor connects them with the
 * connection, the live stream and the Rewind. There may be ten thousand: what only a rewind needs is made for the first.
 */
export default class SubscriptionActor
  extends Actor<SubscriptionParameters, SubscriptionProtocol>
  implements Behaviour<SubscriptionProtocol>, OpenSubscription, Member, SubscriptionPorts
{
  /** There once it has joined. */
  gap!: GapBuffer;
  #self: Ref<SubscriptionProtocol> | undefined;
  #machine: SubscriptionMachine | undefined;
  #rewind: SupervisedRewind | undefined;
  /** Why what its session holds is not to be used, once its client has been told. */
  #discardReason: string | undefined;
  #over = false;

  override onStop(): void {
    this.stop();
  }

  get over(): boolean {
    return this.#over;
  }

  get next(): number {
    return this.#machine?.next ?? this.parameters.start.next;
  }

  begin({ self }: { self: Ref<SubscriptionProtocol> }): OpenSubscription {
    this.#self = self;
    const { discardReason } = this.parameters.start.session;
    if (discardReason !== undefined) this.discarded(discardReason);
    void this.#begin();
    return this;
  }

  page({ rewind, page }: { rewind: RewindName; page: Page }): void {
    this.#rewind?.taken(rewind, () => this.#guarded(() => this.#machine!.pageRead(page)));
  }

  rewindFailed({ rewind, error }: { rewind: RewindName; error: Error }): void {
    this.#rewind?.failed(rewind, error);
  }

  committed(seq: number): void {
    this.#guarded(() => this.#machine!.committed(seq));
  }

  sessionEnded(end: SessionEnd): void {
    this.#guarded(() => this.#machine!.sessionEnded(end));
  }

  drained(): void {
    if (this.#machine) this.#guarded(() => this.#machine!.pull());
  }

  discarded(reason: string): void {
    if (this.#over || this.#discardReason !== undefined) return;
    this.#discardReason = reason;
    const { outlet, session } = this.parameters.start;
    outlet.send({ type: 'SESSION_DISCARDED', log: session.log, session: session.session, reason });
  }

  stop(): void {
    if (this.#machine && this.#machine.state !== 'ended') this.#machine.stop();
    this.#finish();
  }

  inspect(): SubscriptionInspection {
    const { client, session, outlet } = this.parameters.start;
    return {
      connection: outlet.id,
      client,
      source: session.source,
      session: session.session,
      state: this.#machine?.state ?? 'requested',
      next: this.next,
      head: this.#machine ? this.gap.head : session.lastSeq,
      queuedBytes: outlet.queuedBytes,
      rewindRestarts: this.#rewind?.restarts ?? 0,
    };
  }

  hasRoom(): boolean {
    return this.parameters.start.outlet.hasRoom;
  }

  write(blocks: Buffer[]): void {
    this.parameters.start.outlet.write(blocks);
  }

  readPage(from: number): void {
    this.#rewind ??= this.#superviseRewind();
    this.#rewind.read(from);
  }

  stopRewind(): void {
    this.#rewind?.stop();
  }

  live(seq: number): void {
    const { outlet, session } = this.parameters.start;
    outlet.send({ type: 'LIVE', log: session.log, seq });
  }

  lost(from: number, to: number, reason: LossReason): void {
    const { outlet, session } = this.parameters.start;
    this.logger.warn({ session: session.session, from, to, reason }, 'messages lost to a subscriber');
    outlet.send({ type: 'LOST', log: session.log, from, to, reason });
  }

  ended(told: SessionEnd): void {
    const { outlet, session } = this.parameters.start;
    // It may have been discarded after it had ended.
    const discardReason = this.#discardReason ?? told.discardReason;
    const end = { ...told, ...(discardReason !== undefined && { discarded: true, discardReason }) };
    outlet.send({ type: 'END_OF_SESSION', log: session.log, session: session.session, ...end });
    this.#finish(end);
  }

  entered(from: SubscriptionState, to: SubscriptionState, next: number): void {
    const { outlet, session } = this.parameters.start;
    this.logger.debug({ connection: outlet.id, session: session.session, from, to, next }, 'subscription');
  }

  async #begin(): Promise<void> {
    const { members, start } = this.parameters;
    try {
      if (members) await members.join((joined) => this.#join(joined));
      else this.#join(endedLog(start.session));
      // Its client may have unsubscribed, or have gone, while it joined.
      if (this.#over) this.parameters.members?.leave(this);
      else this.#guarded(() => this.#machine!.pull());
    } catch (error) {
      this.#fail('ERR_INTERNAL', error as Error);
    }
  }

  /** Runs in the turn in which the head was looked at: see {@link SubscriptionMembers.join}. */
  #join({ ring, head, end }: Followed): this {
    if (this.#over) return this;
    this.gap = new GapBuffer(ring, head);
    this.#machine = new SubscriptionMachine(this.parameters.start.next, this);
    if (end && !this.#over) this.#machine.sessionEnded(end);
    return this;
  }

  #superviseRewind(): SupervisedRewind {
    const { start, rewinds } = this.parameters;
    return new SupervisedRewind({
      name: `Rewind of ${this.name}`,
      log: start.session.log,
      rewinds,
      turns: start.outlet.pageTurns,
      logger: this.logger,
      receiver: (rewind) => ({
        page: (page) => this.#self!.tell('page', { rewind, page }),
        failed: (error) => this.#self!.tell('rewindFailed', { rewind, error }),
      }),
      onStarted: () => this.#guarded(() => this.#machine!.rewindRestarted()),
      onGiveUp: (error) => this.#fail('ERR_REWIND_FAILED', error),
    });
  }

  /** A subscription that finds a bug in itself ends alone; the others go on. */
  #guarded(step: () => void): void {
    if (this.#over) return;
    try {
      step();
    } catch (error) {
      this.#fail('ERR_INTERNAL', error as Error);
    }
  }

  #fail(code: ErrorCode, error: Error): void {
    if (this.#over) return;
    const { outlet, session } = this.parameters.start;
    this.logger.error({ connection: outlet.id, session: session.session, next: this.#machine?.next, err: error }, code);
    const message = `subscription to session ${session.session} ended at ${this.#machine?.next ?? '?'}: ${error.message}`;
    outlet.send({ type: 'UNSUBSCRIBED', log: session.log, code, message, remedy: errorCodes[code] });
    this.stop();
  }

  #finish(end?: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.parameters.members?.leave(this);
    this.#rewind?.stop();
    this.parameters.start.over(end);
    this.parameters.ended(this, this.#self);
  }
}
