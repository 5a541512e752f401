import type { LossReason } from '../protocol/index.js';
import type { Message } from './message-block.js';

/** A range of messages to be sent again. */
export interface RerequestOptions {
  /** @defaultValue the active session, or the newest one when none is active */
  session?: string;
  /** First and last number wanted. */
  from: number;
  to: number;
  /** The epoch in which the range was learnt: another one on the server ends the iterator with `ERR_RESET`. */
  epoch?: string;
  /** @defaultValue the source of the client */
  source?: string;
  /** Its abort ends the iterator with `ERR_ABORTED`. */
  signal?: AbortSignal;
}

/** Events of a rerequest. */
export interface RerequestEvents {
  /** Messages [from..to] can no longer be delivered by anyone. */
  lost: { from: number; to: number; reason: LossReason };
}

/**
 * The messages of a range, in order, each once, over reconnects; the iterator ends after the last. Live subscriptions go
 * on meanwhile. Large ranges are asked for piece by piece, as the consumer takes them.
 */
export interface Rerequest<T> extends AsyncIterable<Message<T>> {
  on<Event extends keyof RerequestEvents>(event: Event, listener: (payload: RerequestEvents[Event]) => void): this;
  off<Event extends keyof RerequestEvents>(event: Event, listener: (payload: RerequestEvents[Event]) => void): this;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>, undefined>;
  /** End it; what is buffered is dropped and the iterator is done. */
  close(): void;
}
