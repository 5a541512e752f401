/** A repeatable stream of random numbers: the same seed gives the same run of choices. */
export class Random {
  readonly seed: number;
  #state: number;

  /** @param seed default: `SEED` of the environment, or else one of this moment */
  constructor(seed = Number(process.env.SEED ?? Date.now() % 0x1_0000_0000)) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** From 0 up to, and without, 1 (mulberry32). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from `first` to `last`, both included. */
  integer(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** Another stream, so that what one part of a simulation draws does not shift the choices of the others. */
  fork(): Random {
    return new Random(this.integer(0, 0xffff_ffff));
  }
}
