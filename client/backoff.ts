import type { Environment } from './environment.js';

/** Bounds of the waits between attempts. */
export interface BackoffRange {
  firstMs: number;
  maxMs: number;
}

/** Exponential waits between attempts, each of half to all of its nominal length so that clients do not come in step. */
export class Backoff {
  readonly #range: BackoffRange;
  readonly #random: Environment['random'];
  /** Attempts since the last {@link Backoff.reset}. */
  attempts = 0;

  constructor(range: BackoffRange, random: Environment['random']) {
    this.#range = range;
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt, which is thereby counted. */
  next(): number {
    const nominalMs = Math.min(this.#range.maxMs, this.#range.firstMs * 2 ** Math.min(this.attempts, 30));
    this.attempts += 1;
    return nominalMs * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.attempts = 0;
  }
}
