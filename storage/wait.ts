import { setTimeout } from 'node:timers/promises';

/** Resolves after `ms`; rejects when `signal` is aborted before that. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** The real clock's. */
export const realWait: Wait = (ms, signal) => setTimeout(ms, undefined, { signal });
