/** What a receive budget can do about too much of it. */
export interface ReceiveBudgetSurroundings {
  bytesMax: number;
  /** Whether somebody waits for what would come behind the messages on the socket. */
  owed(): boolean;
  pause(): void;
  resume(): void;
  /** Have the server stop sending to those that have something waiting, until they have caught up. */
  shed(): void;
}

/**
 * Bounds the bytes that wait for consumers. While nobody waits for anything else, the socket is not read. While an
 * acknowledgement, an answer or another consumer's message is waited for it must be read, so the subscriptions that are
 * furthest behind are shed.
 */
export class ReceiveBudget {
  readonly #surroundings: ReceiveBudgetSurroundings;
  #bytes = 0;
  #paused = false;

  constructor(surroundings: ReceiveBudgetSurroundings) {
    this.#surroundings = surroundings;
  }

  /** The bytes that wait have changed by this much. */
  held(bytes: number): void {
    this.#bytes += bytes;
    const { bytesMax, owed, pause, shed } = this.#surroundings;
    if (this.#paused) {
      if (this.#bytes <= bytesMax / 2) this.open();
    } else if (this.#bytes > bytesMax) {
      if (owed()) shed();
      else {
        this.#paused = true;
        pause();
      }
    }
  }

  /** Somebody waits from now on: the messages in the way are asked for again later. */
  owe(): void {
    if (!this.#paused) return;
    this.#surroundings.shed();
    this.open();
  }

  /** Read the socket, whatever waits. */
  open(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#surroundings.resume();
  }

  /** There is no socket any more; the next one is read. */
  disconnected(): void {
    this.#paused = false;
  }
}
