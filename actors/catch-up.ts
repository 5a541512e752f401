/** A page that a rewind wants for its subscriber. */
export interface WantedPage {
  /** Number of the log. */
  readonly log: number;
  /** First message of the page. */
  readonly from: number;
  /** Read it; {@link CatchUp.leave} is called when it was delivered, or is not wanted any more. */
  start(): void;
}

/** Milliseconds of one slice, after which the event loop gets a turn. */
const sliceMs = 1;
/** Pages on their way at the same time: those that wait for the disk are delivered in one turn when it answers. */
const underWayMax = 4;

/**
 * What those who rewind take of a process. A page is handed to a socket in a fraction of a millisecond, but a thousand
 * sockets may have room in one turn of the event loop; so pages are read and delivered in short slices of time, and the live
 * stream, logins and all else wait for one slice at the most.
 *
 * It goes through the logs from the front to the back, again and again, and takes along whoever waits on the way: those
 * who are close together get to be at the same page and share what is read from then on. Nobody is passed over for long:
 * one who has waited while so many pages were started as twice the number of those who wait is next.
 */
export class CatchUp {
  readonly #now: () => number;
  /** Since when each waits: how many pages had been started. Those who have waited longest come first. */
  readonly #waiting = new Map<WantedPage, number>();
  /** The same ones in the order of their places. */
  readonly #places: WantedPage[] = [];
  readonly #underWay = new Set<WantedPage>();
  /** The place of the one that was started last. */
  #last: Pick<WantedPage, 'log' | 'from'> = { log: 0, from: 0 };
  #started = 0;
  /** When the slice ends that is under way in this turn of the event loop. */
  #endMs: number | undefined;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Start it when it is its turn, which may be now. */
  enter(wanted: WantedPage): void {
    this.#waiting.set(wanted, this.#started);
    const { log, from } = wanted;
    this.#places.splice(this.#countBefore({ log, from: from + 1 }), 0, wanted);
    this.#goOn();
  }

  /** Its page was delivered, or is not wanted any more. */
  leave(wanted: WantedPage): void {
    if (!this.#underWay.delete(wanted)) this.#forget(wanted);
    this.#goOn();
  }

  get #canStart(): boolean {
    return this.#waiting.size > 0 && this.#underWay.size < underWayMax;
  }

  #goOn(): void {
    if (!this.#canStart) return;
    if (this.#endMs === undefined) {
      this.#endMs = this.#now() + sliceMs;
      setImmediate(() => {
        this.#endMs = undefined;
        this.#goOn();
      });
    }
    while (this.#canStart && this.#now() < this.#endMs) this.#start(this.#next());
  }

  #next(): WantedPage {
    const [longest] = this.#waiting.keys();
    if (this.#started - this.#waiting.get(longest!)! > 2 * this.#waiting.size) return longest!;
    return this.#places[this.#countBefore(this.#last)] ?? this.#places[0]!;
  }

  #start(wanted: WantedPage): void {
    this.#forget(wanted);
    this.#underWay.add(wanted);
    this.#last = wanted;
    this.#started += 1;
    wanted.start();
  }

  #forget(wanted: WantedPage): void {
    if (!this.#waiting.delete(wanted)) return;
    this.#places.splice(this.#places.indexOf(wanted, this.#countBefore(wanted)), 1);
  }

  /** How many wait in front of a place. */
  #countBefore({ log, from }: Pick<WantedPage, 'log' | 'from'>): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const place = this.#places[middle]!;
      if (place.log < log || (place.log === log && place.from < from)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
