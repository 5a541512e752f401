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
 * The publishes of one connection that are neither answered nor dropped yet. While it is full the connection's socket is
 * not read. What becomes of a publish is its Publisher's business alone; here it only takes room.
 */
export class PublishWindow {
  readonly #budget: PublishBudget;
  #unanswered: Unanswered[] = [];
  #bytes = 0;

  constructor(budget: PublishBudget) {
    this.#budget = budget;
  }

  get full(): boolean {
    return this.#bytes >= limits.publishWindowBytes || this.#unanswered.length >= limits.publishesInFlightMax;
  }

  admit(number: number, bytes: number): void {
    this.#unanswered.push({ number, bytes });
    this.#bytes += bytes;
    this.#budget.take(bytes);
  }

  answered(answer: PublishAnswer): void {
    if (answer.type === 'REFUSED') return this.dropped(answer.number, answer.number);
    this.#keep(({ number }) => number > answer.number);
  }

  /** Publishes first..last are settled; of one that was sent twice, the later one. */
  dropped(first: number, last: number): void {
    const settled = new Map<number, Unanswered>();
    for (const publish of this.#unanswered) {
      if (publish.number >= first && publish.number <= last) settled.set(publish.number, publish);
    }
    this.#keep((publish) => settled.get(publish.number) !== publish);
  }

  /** The connection is gone: its publishes are no longer its own. */
  close(): void {
    this.#keep(() => false);
  }

  #keep(unsettled: (publish: Unanswered) => boolean): void {
    let bytes = 0;
    this.#unanswered = this.#unanswered.filter((publish) => {
      const kept = unsettled(publish);
      if (!kept) bytes += publish.bytes;
      return kept;
    });
    this.#bytes -= bytes;
    this.#budget.release(bytes);
  }
}
