import { nextSessionName } from './session-name.js';
import { ZonedTime } from './zoned-time.js';

/** `S01` for the first session of today. */
const alias = /^S(\d\d)$/;

/** How a {@link SessionCalendar} reckons. */
export interface CalendarSettings {
  /** Such as `UTC` or `Europe/Berlin`. */
  timeZone: string;
  /** Time of day, `HH:MM`, at which sessions are rolled; absent: they are not rolled by the clock. */
  rollAt?: string;
}

/** Names of sessions and the time at which they are rolled, by the date and the clock of one time zone. */
export class SessionCalendar {
  readonly #clock: () => number;
  readonly #time: ZonedTime;
  readonly #settings: CalendarSettings;

  /** @param clock milliseconds since 1970 */
  constructor(clock: () => number, settings: CalendarSettings) {
    this.#clock = clock;
    this.#time = new ZonedTime(settings.timeZone);
    this.#settings = settings;
  }

  /**
   * Name of the next session.
   * @param names names that exist already
   * @throws SessionNameError `ERR_TOO_MANY_SESSIONS`
   */
  nextName(names: readonly string[]): string {
    return nextSessionName(this.#time.date(this.#clock()), names);
  }

  /** The session a name means: today's for `S01`, else the one of that very name. */
  resolve(name: string): string {
    const number = alias.exec(name)?.[1];
    return number === undefined ? name : `${this.#time.date(this.#clock())}${number}`;
  }

  /** When sessions are to be rolled next, in milliseconds since 1970; `undefined` when they are not. */
  nextRollMs(): number | undefined {
    const { rollAt } = this.#settings;
    return rollAt === undefined ? undefined : this.#time.next(this.#clock(), rollAt);
  }

  /** Milliseconds until then. */
  untilRollMs(): number | undefined {
    const nextMs = this.nextRollMs();
    return nextMs === undefined ? undefined : nextMs - this.#clock();
  }

  /** Why a session that was started then should have been rolled since; `undefined` when it need not. */
  overdue(createdMs: number): string | undefined {
    const { rollAt, timeZone } = this.#settings;
    if (rollAt === undefined || createdMs >= this.#time.last(this.#clock(), rollAt)) return undefined;
    return `daily roll at ${rollAt} ${timeZone}`;
  }
}
