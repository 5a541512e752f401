import type { EventEmitter } from 'node:events';
import { type EndingSignal, endingSignals } from './exit-codes.js';

/** How a user, or the system, ends a command. */
export interface Interruption {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: finish what is under way, then end. */
  readonly interrupted: AbortSignal;
  /** Aborted by the second one: end at once. */
  readonly abandoned: AbortSignal;
}

/**
 * Turn SIGINT, SIGTERM and SIGHUP into AbortSignals whose reason is the signal's name.
 * @param signals where they arrive
 */
export function watchSignals(signals: EventEmitter = process): Interruption {
  const interrupted = new AbortController();
  const abandoned = new AbortController();
  for (const signal of endingSignals) {
    signals.on(signal, () => {
      if (interrupted.signal.aborted) abandoned.abort(signal);
      else interrupted.abort(signal);
    });
  }
  return { interrupted: interrupted.signal, abandoned: abandoned.signal };
}

/** The signal that aborted; `undefined` when none did. */
export function interruptedBy(signal: AbortSignal): EndingSignal | undefined {
  return endingSignals.find((name) => signal.aborted && signal.reason === name);
}
