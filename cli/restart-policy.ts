import { ExitCode } from './exit-codes.js';

/** The bounds of restarting; times in milliseconds. */
export interface RestartLimits {
  /** Pause before the first restart; it doubles with every death that follows an early one. */
  backoffFirstMs: number;
  backoffMaxMs: number;
  /** A death is early before the server listened, or less than this long after. */
  earlyMs: number;
  /** So many early deaths in a row are the end. */
  earlyDeathsMax: number;
}

/** About 6 s of trying. */
export const restartLimits: RestartLimits = {
  backoffFirstMs: 100,
  backoffMaxMs: 5_000,
  earlyMs: 1_000,
  earlyDeathsMax: 7,
};

/** How a server process ended. */
export interface Death {
  /** Exit status; `null` when a signal ended it. */
  code: number | null;
  /** How long it had been listening; `undefined` when it never was. */
  listenedMs: number | undefined;
}

/** What to do after a death. */
export type Verdict =
  | { type: 'restart'; afterMs: number; earlyDeaths: number }
  | { type: 'end'; code: number }
  | { type: 'give-up'; code: number; earlyDeaths: number };

/** Decides, death by death, whether a server process is started again. */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #earlyDeaths = 0;
  #hasListened = false;

  constructor(limits: RestartLimits = restartLimits) {
    this.#limits = limits;
  }

  /** Nothing asked the process to end: what now? */
  died({ code, listenedMs }: Death): Verdict {
    this.#hasListened ||= listenedMs !== undefined;
    if (code !== null && this.#isFinal(code)) return { type: 'end', code };
    const early = listenedMs === undefined || listenedMs < this.#limits.earlyMs;
    this.#earlyDeaths = early ? this.#earlyDeaths + 1 : 0;
    if (this.#earlyDeaths >= this.#limits.earlyDeathsMax) {
      return { type: 'give-up', code: ExitCode.internal, earlyDeaths: this.#earlyDeaths };
    }
    const doublings = Math.max(0, this.#earlyDeaths - 1);
    const afterMs = Math.min(this.#limits.backoffFirstMs * 2 ** doublings, this.#limits.backoffMaxMs);
    return { type: 'restart', afterMs, earlyDeaths: this.#earlyDeaths };
  }

  /** Whether another start would end the same way. A port in use is only known to be another's at the first start. */
  #isFinal(code: number): boolean {
    if (code === ExitCode.unavailable) return !this.#hasListened;
    return code === ExitCode.done || code === ExitCode.usage || code === ExitCode.configuration;
  }
}
