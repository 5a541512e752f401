import type { Log } from '../storage/index.js';
import type { Ref } from './runtime/index.js';
import type { SubscriptionListProtocol } from './subscription-list.js';
import type { SessionEnd } from './subscription-machine.js';

type List = Ref<SubscriptionListProtocol>;

/** The subscription lists that follow the logs of one source: the active one, and those that have ended before. */
export class Followers {
  readonly #lists = new Map<number, Set<List>>();
  #lastEnded: Log | undefined;

  /** Lists, of all logs. */
  get size(): number {
    let size = 0;
    for (const lists of this.#lists.values()) size += lists.size;
    return size;
  }

  /** From now on `list` is told of what becomes of this log. */
  add({ number }: Log, list: List): void {
    const lists = this.#lists.get(number) ?? new Set();
    this.#lists.set(number, lists);
    lists.add(list);
  }

  delete(log: number, list: List): void {
    const lists = this.#lists.get(log);
    lists?.delete(list);
    if (lists?.size !== 0) return;
    this.#lists.delete(log);
    if (this.#lastEnded?.number === log) this.#lastEnded.releaseRing();
  }

  committed({ number }: Log, seq: number): void {
    for (const list of this.#lists.get(number) ?? []) list.tell('committed', { seq });
  }

  /**
   * The session has ended. One that nobody follows is served from the log alone, and so is the one that ended before it:
   * whoever is that far behind must not hold a ring for each session that passes.
   */
  ended(log: Log, end: SessionEnd): void {
    const lists = this.#lists.get(log.number) ?? [];
    for (const list of lists) list.tell('sessionEnded', end);
    this.#lastEnded?.releaseRing();
    this.#lastEnded = log;
    if (!this.#lists.has(log.number)) log.releaseRing();
  }
}
