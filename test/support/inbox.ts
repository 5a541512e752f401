import { within } from './deadline.js';

/** Things that arrive one after the other, and those who wait for one of them. */
export class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #waiters = new Set<() => void>();
  #closed: string | undefined;

  /** What arrived and was not taken. */
  get items(): readonly Item[] {
    return this.#items;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing more arrives: who waits for something that is not there is told why. */
  close(reason: string): void {
    this.#closed ??= reason;
    this.#wake();
  }

  /** Take everything that has arrived. */
  takeAll(): Item[] {
    return this.#items.splice(0);
  }

  /** Take the first item that fits, now or when it arrives; others stay. */
  async take<Fitting extends Item>(
    fits: ((item: Item) => item is Fitting) | ((item: Item) => boolean),
    what: string,
    deadlineMs?: number,
  ): Promise<Fitting> {
    let waiting = true;
    const search = async (): Promise<Fitting> => {
      while (waiting) {
        const index = this.#items.findIndex((item) => fits(item));
        if (index !== -1) return this.#items.splice(index, 1)[0] as Fitting;
        if (this.#closed !== undefined) throw new Error(`no ${what} came: ${this.#closed}`);
        await new Promise<void>((resolve) => this.#waiters.add(resolve));
      }
      throw new Error(`nobody waits for ${what} any more`);
    };
    const found = search();
    found.catch(() => {});
    try {
      return await within(found, what, deadlineMs);
    } finally {
      waiting = false;
    }
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
