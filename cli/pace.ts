/** Spreads sends evenly over time. */
export class Pace {
  readonly #perSecond: number;
  readonly #clock: () => number;
  readonly #startMs: number;

  /**
   * @param perSecond `undefined`: as fast as possible
   * @param clock milliseconds
   */
  constructor(perSecond: number | undefined, clock: () => number = () => performance.now()) {
    this.#perSecond = perSecond ?? Number.POSITIVE_INFINITY;
    this.#clock = clock;
    this.#startMs = clock();
  }

  /** Milliseconds until one more may be sent, when `sent` have been; 0 or less: now. */
  waitMs(sent: number): number {
    return this.#startMs + (sent * 1_000) / this.#perSecond - this.#clock();
  }
}
