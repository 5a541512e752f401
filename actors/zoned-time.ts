const dayMs = 24 * 60 * 60 * 1000;

/**
 * The calendar and the clock on the wall of a time zone, with its changes between summer and winter.
 *
 * A time of day that a change leaves out is as much later as the clock was put forward; of one that a change brings twice,
 * the first counts. So each day has each time of day once.
 */
export class ZonedTime {
  readonly #format: Intl.DateTimeFormat;

  /**
   * @param timeZone such as `UTC` or `Europe/Berlin`
   * @throws RangeError when there is no such time zone
   */
  constructor(timeZone: string) {
    const numeric = 'numeric';
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
  }

  /** The date at a moment, as `YYYYMMDD`. @param ms milliseconds since 1970 */
  date(ms: number): string {
    return new Date(this.#wall(ms)).toISOString().slice(0, 10).replaceAll('-', '');
  }

  /** The first moment after `ms` at which it is that time of day. @param time as `HH:MM` */
  next(ms: number, time: string): number {
    return this.#days(ms, time).find((moment) => moment > ms)!;
  }

  /** The last moment, `ms` included, at which it was that time of day. @param time as `HH:MM` */
  last(ms: number, time: string): number {
    return this.#days(ms, time).findLast((moment) => moment <= ms)!;
  }

  /** That time of day on the days around a moment, in order. */
  #days(ms: number, time: string): number[] {
    const [hours, minutes] = time.split(':').map(Number) as [number, number];
    const wall = this.#wall(ms);
    const midnight = wall - (((wall % dayMs) + dayMs) % dayMs);
    return [-2, -1, 0, 1, 2].map((days) => this.#moment(midnight + days * dayMs + (hours * 60 + minutes) * 60_000));
  }

  /** When the clock on the wall shows this. */
  #moment(wall: number): number {
    const [before, after] = [wall - dayMs, wall + dayMs].map((ms) => wall - (this.#wall(ms) - ms)) as [number, number];
    return this.#wall(before) !== wall && this.#wall(after) === wall ? after : before;
  }

  /** What the clock on the wall shows, as the milliseconds since 1970 at which one in Greenwich shows the same. */
  #wall(ms: number): number {
    const parts = new Map(this.#format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type)!;
    const second = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return second + (((ms % 1_000) + 1_000) % 1_000);
  }
}
