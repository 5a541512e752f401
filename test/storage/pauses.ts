/** Pauses that last until they are ended, by their length. `wait` is to be given to a store. */
export class Pauses {
  readonly #pauses = new Map<number, () => void>();
  #started: (() => void)[] = [];

  readonly wait = (ms: number, signal: AbortSignal): Promise<void> => {
    for (const started of this.#started.splice(0)) started();
    return new Promise((resolve, reject) => {
      this.#pauses.set(ms, resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };

  /** End the pause of this length, once it has started. */
  async end(ms: number): Promise<void> {
    while (!this.#pauses.has(ms)) await new Promise<void>((resolve) => this.#started.push(resolve));
    this.#pauses.get(ms)!();
    this.#pauses.delete(ms);
  }
}
