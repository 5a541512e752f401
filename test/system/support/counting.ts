import type { Client } from '../../../client/index.js';
import { until, within } from '../../support/deadline.js';

/** Publishes its own count, so many every so many milliseconds, until it is stopped. Blanks behind it make it longer. */
export class Counting {
  /** Where each message is, by its count. */
  readonly places: string[] = [];
  /** Messages acknowledged. */
  acknowledged = 0;
  readonly #client: Client;
  readonly #each: number;
  readonly #bytesEach: number;
  readonly #timer: NodeJS.Timeout;
  readonly #published: Promise<unknown>[] = [];

  constructor(publisher: Client, each: number, everyMs: number, bytesEach = 1) {
    this.#client = publisher;
    this.#each = each;
    this.#bytesEach = bytesEach;
    const startMs = performance.now();
    // A timer comes late: then all that has become due meanwhile is published.
    const due = () => each * Math.floor((performance.now() - startMs) / everyMs);
    this.#timer = setInterval(() => {
      while (this.places.length < due()) this.#publish();
    }, everyMs);
  }

  /** What is published as that count. */
  text(count: number): string {
    return String(count).padEnd(this.#bytesEach);
  }

  /** Publish nothing more. */
  cancel(): void {
    clearInterval(this.#timer);
  }

  /** As {@link cancel}; resolves when all of it is acknowledged. */
  async stop(): Promise<void> {
    this.cancel();
    await within(Promise.all(this.#published), 'all acknowledgements', 60_000);
  }

  /** Resolves when so many messages are acknowledged. */
  reached(count: number): Promise<void> {
    return until(() => this.acknowledged >= count, `${count} acknowledgements`, 60_000);
  }

  #publish(): void {
    const from = this.places.length;
    const counts = Array.from({ length: this.#each }, (_, index) => from + index);
    for (const count of counts) this.places[count] = '';
    const published = this.#client.publish(counts.map((count) => Buffer.from(this.text(count))));
    this.#published.push(
      published.then(({ session, firstSeq }) => {
        counts.forEach((count, index) => {
          this.places[count] = `${session} ${firstSeq + index}`;
        });
        this.acknowledged += counts.length;
      }),
    );
  }
}
