import { FanOut, type Member } from './fan-out.js';
import type { Followed, Origin } from './origin.js';
import type { Ref } from './runtime/index.js';
import type { SubscriptionListProtocol } from './subscription-list.js';
import type { SessionEnd } from './subscription-machine.js';

/**
 * The subscriptions of one log in one process. The first one to join attaches the list to the session, the last one to
 * leave detaches it. Joining happens in the turn in which the caller looks at the head, so no commit is missed.
 */
export class SubscriptionMembers {
  readonly #log: number;
  readonly #origin: Origin;
  readonly #over: () => void;
  #list: Ref<SubscriptionListProtocol> | undefined;
  #following: Promise<Followed> | undefined;
  #fanOut: FanOut | undefined;
  #joining = 0;
  /** What the session said before the answer to `follow` was here: it may overtake it. */
  #heard: { seq: number; end?: SessionEnd } = { seq: 0 };

  /** @param over called when nobody is left and the session has ended, or it is closed: who still comes may as well get another list */
  constructor(log: number, origin: Origin, over: () => void = () => {}) {
    this.#log = log;
    this.#origin = origin;
    this.#over = over;
  }

  /** Subscriptions that are told of commits. */
  get size(): number {
    return this.#fanOut?.size ?? 0;
  }

  /** Whether nobody is there, or is about to be. */
  get isIdle(): boolean {
    return this.size === 0 && this.#joining === 0;
  }

  /** Called once the actor exists that hears from the session. */
  attachedBy(list: Ref<SubscriptionListProtocol>): void {
    this.#list = list;
  }

  /**
   * Attach to the session if need be, then call `step` in one turn with the ring and its head; the member it returns is
   * told of every commit after that head.
   */
  async join<M extends Member>(step: (joined: Followed) => M): Promise<M> {
    this.#joining += 1;
    try {
      this.#following ??= this.#origin.follow(this.#log, this.#list!);
      const { ring, head, end } = await this.#following;
      this.#fanOut ??= this.#startFanOut(head, end);
      const member = step({ ring, head: this.#fanOut.head, ...(this.#fanOut.end && { end: this.#fanOut.end }) });
      this.#fanOut.add(member);
      return member;
    } finally {
      this.#joining -= 1;
      this.#detachWhenEmpty();
    }
  }

  leave(member: Member): void {
    this.#fanOut?.delete(member);
    this.#detachWhenEmpty();
  }

  /** Nobody will join any more. */
  close(): void {
    this.#over();
  }

  committed(seq: number): void {
    this.#heard.seq = Math.max(this.#heard.seq, seq);
    void this.#fanOut?.committed(seq);
  }

  sessionEnded(end: SessionEnd): void {
    this.#heard.end = end;
    this.#fanOut?.sessionEnded(end);
  }

  #startFanOut(head: number, end: SessionEnd | undefined): FanOut {
    const fanOut = new FanOut(Math.max(head, this.#heard.seq));
    const ended = end ?? this.#heard.end;
    if (ended) fanOut.sessionEnded(ended);
    return fanOut;
  }

  #detachWhenEmpty(): void {
    if (!this.isIdle) return;
    if (this.#following) this.#origin.unfollow(this.#log, this.#list!);
    const end = this.#fanOut?.end ?? this.#heard.end;
    this.#following = undefined;
    this.#fanOut = undefined;
    if (end) this.#over();
  }
}
