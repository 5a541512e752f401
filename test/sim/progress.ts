/** A step of a simulation that gets no further is given up after this long. */
const deadlineMs = 50_000;

/** Lets a simulation wait for what is to come, looked at whenever something has moved. */
export class Progress {
  #look: (() => void) | undefined;
  #scheduled = false;

  /** Something has moved. Many moves of one turn of the event loop are looked at together. */
  moved(): void {
    if (this.#scheduled || !this.#look) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#look?.();
    });
  }

  /**
   * Wait until `reached` says so.
   * @param check throws what ends the simulation at once
   */
  until(what: string, reached: () => boolean, check: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(new Error(`no progress: ${what}`))), deadlineMs);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        this.#look = undefined;
        end();
      };
      const look = (): void => {
        try {
          check();
          if (reached()) settle(resolve);
        } catch (error) {
          settle(() => reject(error as Error));
        }
      };
      this.#look = look;
      look();
    });
  }
}
