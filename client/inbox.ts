import type { LatecomerError } from './errors.js';
import { type Message, MessageBlock } from './message-block.js';

/** Something to happen when the consumer has been handed everything before it. */
type Notice = () => void;

/** How the inbox ends: in order, or with an error. */
interface End {
  error: LatecomerError | undefined;
}

interface Waiter<T> {
  resolve(result: IteratorResult<Message<T> | MessageBlock<T>, undefined>): void;
  reject(error: unknown): void;
  wholeBlock: boolean;
}

/** What an inbox tells its owner. */
export interface InboxEvents {
  /** The bytes it holds have changed by this much. */
  held(bytes: number): void;
  /** The consumer has been handed everything there was. */
  drained(): void;
  /** The consumer waits for what has not been received. */
  waiting(): void;
  /** The consumer is handed everything up to this number. */
  handed?(seq: number): void;
  /** A message could not be handed out: the inbox has ended with an error. */
  broken(): void;
}

/**
 * What has been received and not yet consumed, in order: blocks, and notices between them. One consumer reads it, message
 * by message or block by block.
 */
export class Inbox<T> {
  readonly #events: InboxEvents;
  #items: (MessageBlock<T> | Notice)[] = [];
  #head = 0;
  #current: MessageBlock<T> | undefined;
  #waiters: Waiter<T>[] = [];
  /** A consumer that waited has been handed something in this turn of the event loop: it has not looked at it yet. */
  #handing = false;
  #end: End | undefined;
  #bytes = 0;

  constructor(events: InboxEvents) {
    this.#events = events;
  }

  /** Bytes of the blocks held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the consumer waits for what has not been received. */
  get waiting(): boolean {
    return this.#waiters.length > 0 && this.#bytes === 0;
  }

  /** The block of the next message the consumer will be handed, when the inbox has it. */
  get upcoming(): MessageBlock<T> | undefined {
    if (this.#current && this.#current.remaining > 0) return this.#current;
    for (let index = this.#head; index < this.#items.length; index += 1) {
      const item = this.#items[index]!;
      if (item instanceof MessageBlock) return item;
    }
    return undefined;
  }

  push(block: MessageBlock<T>): void {
    if (this.#end) return;
    this.#items.push(block);
    this.#hold(block.bytes);
    this.#serve();
  }

  /** Run it now if the consumer is up to date, else when it has got that far. */
  notify(notice: Notice): void {
    if (this.#end) return;
    this.#items.push(notice);
    if (!this.#handing) this.#runNotices();
  }

  /** Nothing follows. What is held is still handed out, then the iterator ends, with the error if there is one. */
  end(error?: LatecomerError): void {
    if (this.#end) return;
    this.#end = { error };
    this.#serve();
  }

  /** As {@link Inbox.end}, and what is held is dropped. */
  discard(error?: LatecomerError): void {
    this.clear();
    if (this.#end === undefined) this.end(error);
  }

  /** What is held is dropped; something else may follow. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#current = undefined;
    this.#hold(-this.#bytes);
  }

  next(): Promise<IteratorResult<Message<T>, undefined>> {
    return this.#next(false) as Promise<IteratorResult<Message<T>, undefined>>;
  }

  /** The rest of the block at hand, or the next one. */
  nextBlock(): Promise<IteratorResult<MessageBlock<T>, undefined>> {
    return this.#next(true) as Promise<IteratorResult<MessageBlock<T>, undefined>>;
  }

  #next(wholeBlock: boolean): Promise<IteratorResult<Message<T> | MessageBlock<T>, undefined>> {
    if (this.#waiters.length === 0) {
      try {
        const value = this.#take(wholeBlock);
        if (value !== undefined) return Promise.resolve({ value, done: false });
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject, wholeBlock });
      this.#serve();
      if (this.waiting) this.#events.waiting();
    });
  }

  /** A notice may close the inbox, which serves the waiters itself: look at them again after every step. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const outcome = this.#attempt(this.#waiters[0]!.wholeBlock);
      const waiter = this.#waiters[0];
      if (waiter === undefined || outcome === undefined) return;
      this.#waiters.shift();
      this.#handed();
      if ('error' in outcome) waiter.reject(outcome.error);
      else waiter.resolve(outcome);
    }
  }

  /** What comes behind it in this turn must not be told of before the consumer has seen it. */
  #handed(): void {
    if (this.#handing) return;
    this.#handing = true;
    setImmediate(() => {
      this.#handing = false;
      this.#runNotices();
    });
  }

  /** Run the notices the consumer has got to. */
  #runNotices(): void {
    if (!this.#current || this.#current.remaining === 0) this.#advance();
  }

  #attempt(
    wholeBlock: boolean,
  ): IteratorResult<Message<T> | MessageBlock<T>, undefined> | { error: unknown } | undefined {
    try {
      const value = this.#take(wholeBlock);
      if (value !== undefined) return { value, done: false };
    } catch (error) {
      return { error };
    }
    if (this.#end === undefined) return undefined;
    const { error } = this.#end;
    // The error is reported once; after it the iterator has simply ended.
    this.#end.error = undefined;
    return error ? { error } : { value: undefined, done: true };
  }

  #take(wholeBlock: boolean): Message<T> | MessageBlock<T> | undefined {
    for (;;) {
      const block = this.#current ?? this.#advance();
      if (block === undefined) return undefined;
      if (wholeBlock && block.remaining > 0) {
        this.#release(block);
        this.#events.handed?.(block.lastSeq);
        return block;
      }
      const message = wholeBlock ? undefined : this.#takeFrom(block);
      if (block.remaining === 0) this.#release(block);
      if (message === undefined) continue;
      this.#events.handed?.(message.seq);
      return message;
    }
  }

  #takeFrom(block: MessageBlock<T>): Message<T> | undefined {
    try {
      return block.take();
    } catch (error) {
      this.#end = { error: undefined };
      this.discard();
      this.#events.broken();
      throw error;
    }
  }

  /** The next block becomes the current one; the notices in front of it run. */
  #advance(): MessageBlock<T> | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head]!;
      this.#head += 1;
      this.#compact();
      if (item instanceof MessageBlock) {
        this.#current = item;
        return item;
      }
      item();
    }
    return undefined;
  }

  /** The block has been handed out to its last message. */
  #release(block: MessageBlock<T>): void {
    this.#current = undefined;
    this.#hold(-block.bytes);
    if (this.#bytes === 0 && this.#end === undefined) this.#events.drained();
  }

  /** Let go of the items that were taken, at a cost that is constant per item. */
  #compact(): void {
    if (this.#head < 64 && this.#head < this.#items.length) return;
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    if (bytes !== 0) this.#events.held(bytes);
  }
}
