import { limits } from '../protocol/index.js';
import type { PublishAnswer } from './publisher.js';

/** Unacknowledged publish bytes of all connections of a process together. */
export class PublishBudget {
  readonly #bytesMax: number;
  #bytes = 0;
  #waiting = new Set<() => void>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.full) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Call `wake` once there is room again. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}

interface Unanswered {
  number: number;
  bytes: number;
}

/**
 * The publishes of one connection that have no answer yet. While it is full the connection's socket is not read.
 *
 * A refusal answers the refused publish and all behind it; what still arrives of that flight is not passed on until the
 * refused number comes again. A repeat of what is on record is answered for itself alone: neither does a refusal of it
 * stop the flight, nor does sending it start a refused flight again, or what is dropped behind it would be held against
 * all publishers for ever.
 */
export class PublishWindow {
  readonly #budget: PublishBudget;
  #unanswered: Unanswered[] = [];
  #bytes = 0;
  #refusedFrom: number | undefined;
  /** Last number known to be on record. */
  #recorded = 0;

  constructor(budget: PublishBudget) {
    this.#budget = budget;
  }

  get full(): boolean {
    return this.#bytes >= limits.publishWindowBytes || this.#unanswered.length >= limits.publishesInFlightMax;
  }

  /** What the login found on record. */
  startBehind(number: number): void {
    this.#recorded = number;
  }

  /** @returns whether the publish is to be passed on */
  admit(number: number, bytes: number): boolean {
    if (this.#refusedFrom !== undefined && number > this.#refusedFrom) return false;
    if (this.#refusedFrom !== undefined && this.#isNew(number)) this.#refusedFrom = undefined;
    this.#unanswered.push({ number, bytes });
    this.#bytes += bytes;
    this.#budget.take(bytes);
    return true;
  }

  answered(answer: PublishAnswer): void {
    if (answer.type === 'ACKNOWLEDGED') {
      this.#recorded = Math.max(this.#recorded, answer.number);
      return this.#release((number) => number <= answer.number);
    }
    if (answer.number <= this.#recorded) return this.#release((number) => number === answer.number);
    this.#refusedFrom = answer.number;
    this.#release((number) => number >= answer.number);
  }

  /** The connection is gone: its publishes are no longer its own. */
  close(): void {
    this.#release(() => true);
  }

  /** Neither on record nor on its way there: the refused number, or one that was left out before it. */
  #isNew(number: number): boolean {
    return number > this.#recorded && !this.#unanswered.some((publish) => publish.number === number);
  }

  #release(settled: (number: number) => boolean): void {
    let bytes = 0;
    const unanswered: Unanswered[] = [];
    for (const publish of this.#unanswered) {
      if (settled(publish.number)) bytes += publish.bytes;
      else unanswered.push(publish);
    }
    this.#unanswered = unanswered;
    this.#bytes -= bytes;
    this.#budget.release(bytes);
  }
}
