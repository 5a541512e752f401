/** Milliseconds of one installment, after which the event loop gets a turn. */
const installmentMs = 1;
/** Pieces of work in one installment at the most: each has ticks and promises in its wake, which no clock sees. */
const piecesMax = 32;

/**
 * Work that may come by the thousand at once: connections that open, or that go. It is done in the order in which it
 * came, in short installments, so that what goes on meanwhile, the live stream above all, waits for one of them at the most.
 */
export class Installments {
  readonly #now: () => number;
  #waiting: (() => void)[] = [];

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Do `work` soon, but not before this returns. */
  add(work: () => void): void {
    if (this.#waiting.push(work) === 1) setImmediate(() => this.#run());
  }

  #run(): void {
    const waiting = this.#waiting;
    const endMs = this.#now() + installmentMs;
    let done = 0;
    do {
      waiting[done]!();
      done += 1;
    } while (done < waiting.length && done < piecesMax && this.#now() < endMs);
    this.#waiting = waiting.slice(done);
    if (this.#waiting.length > 0) setImmediate(() => this.#run());
  }
}
