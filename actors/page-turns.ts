/** A rewind's place in the order of those that read for one client. */
export interface Turn {
  /** Its page has come, or is not wanted any more; the next one may start. */
  end(): void;
}

/** Pages that may be on their way to one client at the same time. */
const runningMax = 2;

/**
 * The rewinds of one client's subscriptions take turns, first come first served: a page is read only when the client's
 * queue is short, and few at a time, so that many rewinding subscriptions cost a client no more memory than one.
 */
export class PageTurns {
  readonly #hasRoom: () => boolean;
  readonly #waiting = new Map<Turn, () => void>();
  readonly #running = new Set<Turn>();

  /** @param hasRoom whether the client's queue is short enough for a page */
  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** Call `start` when it is this one's turn, which may be now. */
  take(start: () => void): Turn {
    const turn = { end: () => this.#end(turn) };
    this.#waiting.set(turn, start);
    this.drained();
    return turn;
  }

  /** The client's queue may be short again. */
  drained(): void {
    for (const [turn, start] of this.#waiting) {
      if (this.#running.size >= runningMax || !this.#hasRoom()) return;
      this.#waiting.delete(turn);
      this.#running.add(turn);
      start();
    }
  }

  #end(turn: Turn): void {
    this.#waiting.delete(turn);
    if (this.#running.delete(turn)) this.drained();
  }
}
