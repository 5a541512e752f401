import { setTimeout as setAlarm } from 'node:timers';
import { setTimeout } from 'node:timers/promises';

/** Resolves after `ms`; rejects when `signal` is aborted before that. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** The real clock's. */
export const realWait: Wait = (ms, signal) => setTimeout(ms, undefined, { signal });

/** Calls `late` after `ms`, unless what it returns is called before. */
export type Alarm = (ms: number, late: () => void) => () => void;

/** The real clock's. A timer that is cleared again costs less than a signal that is aborted. It keeps no process alive. */
export const realAlarm: Alarm = (ms, late) => {
  const timer = setAlarm(late, ms).unref();
  return () => clearTimeout(timer);
};
