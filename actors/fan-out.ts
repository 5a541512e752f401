import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionEnd } from './subscription-machine.js';

/** One who is told of every commit. */
export interface Member {
  committed(seq: number): void;
  sessionEnded(end: SessionEnd): void;
}

/** Milliseconds of one installment of a round, after which the event loop gets a turn. */
const installmentMs = 5;
/** Members served between two looks at the clock. */
const membersPerLook = 16;

/**
 * The bus of a session's data in one process (SessionProvider): tells every member of a log how far it is committed. A round that takes long yields to the event loop; notices that
 * arrive meanwhile are merged into the next round, so that a slow round delays nobody by more than one round.
 */
export class FanOut {
  readonly #members = new Set<Member>();
  readonly #now: () => number;
  #seq: number;
  #end: SessionEnd | undefined;
  #running = false;
  /** The round that has yielded to the event loop. */
  #round: Promise<void> | undefined;

  /**
   * @param seq last number committed so far
   * @param now monotonic milliseconds
   */
  constructor(seq: number, now: () => number = () => performance.now()) {
    this.#seq = seq;
    this.#now = now;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Last committed number announced to it. */
  get head(): number {
    return this.#seq;
  }

  /** How the session ended; `undefined` while it is active. */
  get end(): SessionEnd | undefined {
    return this.#end;
  }

  /** From the next notice on `member` is told; it must have looked at {@link head} and {@link end} in the same turn. */
  add(member: Member): void {
    this.#members.add(member);
  }

  delete(member: Member): void {
    this.#members.delete(member);
  }

  /** Everything up to `seq` is committed. Resolves when every member was told so, or more. */
  committed(seq: number): Promise<void> {
    if (seq > this.#seq) this.#seq = seq;
    if (this.#round) return this.#round;
    const round = this.#run();
    // A round that never yielded is over by now, and must not stand in the way of the next one.
    if (this.#running) this.#round = round;
    return round;
  }

  /** The session ended; every member is told in this turn. */
  sessionEnded(end: SessionEnd): void {
    this.#end = end;
    this.#seq = Math.max(this.#seq, end.lastSeq);
    for (const member of [...this.#members]) member.sessionEnded(end);
  }

  async #run(): Promise<void> {
    this.#running = true;
    let told: number;
    do {
      told = this.#seq;
      let endMs = this.#now() + installmentMs;
      let count = 0;
      // One that leaves meanwhile is not come to; one that joins is told once more what it knows.
      for (const member of this.#members) {
        member.committed(this.#seq);
        count += 1;
        if (count % membersPerLook !== 0 || this.#now() < endMs) continue;
        await nextTurn();
        endMs = this.#now() + installmentMs;
      }
    } while (told !== this.#seq);
    this.#running = false;
    this.#round = undefined;
  }
}
