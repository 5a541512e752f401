import type { LossReason } from '../protocol/index.js';
import type { Message, MessageBlock } from './message-block.js';

/** What to subscribe to. */
export interface SubscribeOptions {
  /** @defaultValue the active session, or the newest one when none is active */
  session?: string;
  /** First number wanted: n ≥ 1 starts there, 0 is the newest message. @defaultValue live only */
  from?: number;
  /** The epoch in which `from` was learnt: another one on the server ends the iterator with `ERR_RESET`. */
  epoch?: string;
  /** When `from` is beyond the next number: wait for it instead of being rejected with `ERR_BEYOND_NEXT`. */
  wait?: boolean;
  /** When the session ends, go on with the one behind it, from its first message, and so on. */
  follow?: boolean;
  /** @defaultValue the source of the client */
  source?: string;
  /** Its abort ends the iterator with `ERR_ABORTED`. */
  signal?: AbortSignal;
}

/** Where a consumer is in the stream: `subscribe(position)` continues there, from any client. */
export interface Position {
  session: string;
  epoch: string;
  /** Number of the next message the consumer will be handed. */
  from: number;
}

/**
 * Events of a subscription. `subscribed`, `rewinding` and `discarded` come when the server says so; the others in order with the
 * messages, when the consumer has been handed everything before them.
 */
export interface SubscriptionEvents {
  /** The server has accepted it, at first or again after a reconnect. */
  subscribed: { source: string; session: string; epoch: string; from: number; lastSeq: number };
  /** Messages [from..lastSeq] are older than this moment and come from the log. */
  rewinding: { session: string; from: number; lastSeq: number };
  /**
   * The messages up to `seq` have been handed out, the later ones come as they are published. 0: none was published yet.
   */
  live: { session: string; seq: number };
  /** Messages [from..to] can no longer be delivered by anyone. */
  lost: { session: string; from: number; to: number; reason: LossReason };
  /**
   * What the session holds is not to be used, what is still to come of it included. Comes as soon as the server tells; the
   * subscription goes on.
   */
  discarded: { session: string; reason: string };
  /**
   * The session is over. The iterator ends, or goes on with `next` when it follows; `next` is absent when there is none
   * yet. What a session that was `discarded` holds is not to be used.
   */
  ended: {
    session: string;
    lastSeq: number;
    reason: string;
    discarded?: boolean;
    discardReason?: string;
    next?: string;
  };
}

/**
 * A reader of one session, or, with `follow`, of that one and all behind it, from a position on: every message once, in
 * order, over reconnects. Iterate it in one place.
 *
 * The iterator ends after the last message of a session that has ended and is not followed, and after {@link Subscription.close} or
 * `Client.close`. It throws a LatecomerError when it cannot go on.
 */
export interface Subscription<T> extends AsyncIterable<Message<T>> {
  on<Event extends keyof SubscriptionEvents>(
    event: Event,
    listener: (payload: SubscriptionEvents[Event]) => void,
  ): this;
  off<Event extends keyof SubscriptionEvents>(
    event: Event,
    listener: (payload: SubscriptionEvents[Event]) => void,
  ): this;
  /** `undefined` until the server has answered. */
  readonly position: Position | undefined;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>, undefined>;
  /**
   * The same messages a block at a time: one `await` for many messages, several times as fast. What the consumer does not
   * take from a block counts as handed out.
   */
  blocks(): AsyncIterableIterator<MessageBlock<T>, undefined>;
  /** End it; what is buffered is dropped and the iterator is done. */
  close(): void;
}
