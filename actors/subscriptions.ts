import type { Origin } from './origin.js';
import type { Rewinds } from './rewinds.js';
import type { Ref, Spawner } from './runtime/index.js';
import SubscriptionActor, {
  type OpenSubscription,
  type SubscriptionInspection,
  type SubscriptionParameters,
  type SubscriptionStart,
} from './subscription.js';
import SubscriptionListActor, { type SubscriptionListProtocol } from './subscription-list.js';
import { SubscriptionMembers } from './subscription-members.js';

/** Milliseconds a subscription may take to begin, which takes a turn. */
const beginMs = 60_000;
/** Sessions discarded last: whoever was about to subscribe to one when it was is told all the same. */
const discardsMax = 100;

/** All subscriptions of one process, and one SubscriptionList for each log that has any. */
export class Subscriptions {
  readonly #spawner: Spawner;
  readonly #origin: Origin;
  readonly #rewinds: Rewinds;
  readonly #lists = new Map<number, Promise<SubscriptionMembers>>();
  /** By log: subscriptions that have been given its list and have not joined yet. */
  readonly #entering = new Map<number, number>();
  /** With the log of each. */
  readonly #open = new Map<OpenSubscription, number>();
  /** By log: why what its session holds is not to be used. */
  readonly #discards = new Map<number, string>();
  readonly #ended: SubscriptionParameters['ended'] = (subscription, self) => {
    this.#open.delete(subscription);
    void self?.stop();
  };

  /** @param spawner makes the actors, as children of the actor that owns this */
  constructor(spawner: Spawner, origin: Origin, rewinds: Rewinds) {
    this.#spawner = spawner;
    this.#origin = origin;
    this.#rewinds = rewinds;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Start a subscription; it lives until it has ended or is stopped. */
  async subscribe(start: SubscriptionStart): Promise<OpenSubscription> {
    const { log } = start.session;
    this.#entering.set(log, (this.#entering.get(log) ?? 0) + 1);
    try {
      return await this.#subscribe(start, log);
    } finally {
      const others = this.#entering.get(log)! - 1;
      if (others > 0) this.#entering.set(log, others);
      else this.#entering.delete(log);
    }
  }

  async #subscribe(start: SubscriptionStart, log: number): Promise<OpenSubscription> {
    const members = start.pull ? undefined : await this.#members(log);
    const self = await this.#spawner.spawn(
      { actor: SubscriptionActor },
      {
        name: `Subscription to ${start.session.session}`,
        parameters: { start, ...(members && { members }), rewinds: this.#rewinds, ended: this.#ended },
      },
    );
    const subscription = await self.ask('begin', { self }, { timeoutMs: beginMs });
    if (!subscription.over) this.#open.set(subscription, log);
    const discarded = this.#discards.get(log);
    if (discarded !== undefined) subscription.discarded(discarded);
    return subscription;
  }

  /** What the session of that log holds is not to be used: its subscribers are told. */
  discarded(log: number, reason: string): void {
    this.#discards.set(log, reason);
    const [oldest] = this.#discards.keys();
    if (this.#discards.size > discardsMax) this.#discards.delete(oldest!);
    for (const [subscription, of] of this.#open) if (of === log) subscription.discarded(reason);
  }

  /** State of the first `linesMax` of them. */
  inspect(linesMax: number): SubscriptionInspection[] {
    const lines: SubscriptionInspection[] = [];
    for (const subscription of this.#open.keys()) {
      if (lines.length === linesMax) break;
      lines.push(subscription.inspect());
    }
    return lines;
  }

  #members(log: number): Promise<SubscriptionMembers> {
    const known = this.#lists.get(log);
    if (known) return known;
    this.#closeIdle();
    const list = this.#createList(log);
    this.#lists.set(log, list);
    list.catch(() => this.#lists.delete(log));
    return list;
  }

  /** A list that everybody has left is not told of the end of its session: it goes when there is another one. */
  #closeIdle(): void {
    for (const [log, list] of this.#lists) {
      const closeIfIdle = (members: SubscriptionMembers) => {
        if (members.isIdle && !this.#entering.has(log)) members.close();
      };
      list.then(closeIfIdle, () => {});
    }
  }

  async #createList(log: number): Promise<SubscriptionMembers> {
    const members = new SubscriptionMembers(log, this.#origin, () => {
      this.#lists.delete(log);
      void list.stop();
    });
    const list: Ref<SubscriptionListProtocol> = await this.#spawner.spawn(
      { actor: SubscriptionListActor },
      { name: `SubscriptionList of log ${log}`, parameters: { members } },
    );
    members.attachedBy(list);
    return members;
  }
}
