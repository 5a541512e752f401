import type { CatchUp, WantedPage } from './catch-up.js';

/** A rewind's place in the order of those that read for one client. */
export interface Turn {
  /** Its page has come, or is not wanted any more; the next one may start. */
  end(): void;
}

/** Pages that may be on their way to one client at the same time. */
const runningMax = 2;

/**
 * The rewinds of one client's subscriptions take turns, first come first served: a page is read only when the client's
 * queue is short, and few at a time, so that many rewinding subscriptions cost a client no more memory than one. Whose
 * turn it is has its place among the rewinds of all clients then: {@link CatchUp}.
 */
export class PageTurns {
  readonly #hasRoom: () => boolean;
  readonly #catchUp: CatchUp;
  readonly #waiting = new Set<WantedPage>();
  readonly #running = new Set<WantedPage>();

  /**
   * @param hasRoom whether the client's queue is short enough for a page
   * @param catchUp shared by the clients of a process
   */
  constructor(hasRoom: () => boolean, catchUp: CatchUp) {
    this.#hasRoom = hasRoom;
    this.#catchUp = catchUp;
  }

  /** Call `start` when it is this one's turn, which may be now. @param from the first message of the page it wants */
  take(log: number, from: number, start: () => void): Turn {
    const wanted = { log, from, start };
    this.#waiting.add(wanted);
    this.drained();
    return { end: () => this.#end(wanted) };
  }

  /** The client's queue may be short again. */
  drained(): void {
    for (const wanted of this.#waiting) {
      if (this.#running.size >= runningMax || !this.#hasRoom()) return;
      this.#waiting.delete(wanted);
      this.#running.add(wanted);
      this.#catchUp.enter(wanted);
    }
  }

  #end(wanted: WantedPage): void {
    this.#waiting.delete(wanted);
    if (!this.#running.delete(wanted)) return;
    this.#catchUp.leave(wanted);
    this.drained();
  }
}
