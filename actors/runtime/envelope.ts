import type { EncodedError } from './encoded-error.js';

/** Every message of ours is one object, since comedy loses bare arrays on the way to a fork. */
export interface Envelope {
  topic: string;
  payload: unknown;
  /** Whether the sender waits for the reply. */
  ask: boolean;
}

/** The answer to an ask. Failures travel as values: comedy would keep only their message. */
export type Reply = { value: unknown } | { error: unknown };

/** A {@link Reply} as it crosses a fork. */
export type EncodedReply = { value?: unknown } | { encodedError: EncodedError };
