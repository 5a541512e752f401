import type { Client } from '../client/index.js';

/** Tells once that the connection broke and once that it is over, however many attempts lie between. */
export class Outages {
  readonly #tell: (text: string) => void;
  #isOut = false;

  constructor(client: Client, tell: (text: string) => void) {
    this.#tell = tell;
    client.on('disconnected', ({ error }) => {
      if (!this.#isOut) tell(`disconnected, reconnecting: ${error.message}`);
      this.#isOut = true;
    });
  }

  /** What was interrupted goes on, if anything was. */
  over(text: string): void {
    if (this.#isOut) this.#tell(text);
    this.#isOut = false;
  }
}
