/** Milliseconds of one stretch, after which the event loop gets a turn. */
const stretchMs = 1;
/** Pieces of work in one stretch at the most: each has ticks and promises in its wake, which no clock sees. */
const piecesMax = 32;

/**
 * Work that may come by the thousand at once: connections that open, or that go. It is done in the order in which it
 * came, in short stretches, so that what goes on meanwhile, the live stream above all, waits for one stretch at the most.
 */
export class Stretches {
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
    const endMs = this.#now() + stretchMs;
    let done = 0;
    do {
      waiting[done]!();
      done += 1;
    } while (done < waiting.length && done < piecesMax && this.#now() < endMs);
    this.#waiting = waiting.slice(done);
    if (this.#waiting.length > 0) setImmediate(() => this.#run());
  }
}
