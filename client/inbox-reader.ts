import { Emitter } from './emitter.js';
import { abortedError, type LatecomerError } from './errors.js';
import { Inbox, type InboxEvents } from './inbox.js';
import { iterate } from './inbox-iterator.js';
import type { Message } from './message-block.js';

/**
 * What its consumer iterates, over an inbox: ended by the consumer, by a signal, by an error or by its last message,
 * once. The classes that extend it say how the inbox is filled.
 */
export abstract class InboxReader<T, Events extends object>
  extends Emitter<Events>
  implements AsyncIterable<Message<T>>
{
  protected readonly inbox: Inbox<T>;
  readonly #what: string;
  #closed = false;
  #release: () => void = () => {};

  /** @param what names it in the error of an abort */
  constructor(what: string, events: Omit<InboxEvents, 'broken'>) {
    super();
    this.#what = what;
    this.inbox = new Inbox({ ...events, broken: () => this.#finish() });
  }

  /** Nothing more is wanted; called once. */
  protected abstract onClosed(): void;

  /** Bytes that wait for the consumer. */
  get bytes(): number {
    return this.inbox.bytes;
  }

  /** Whether the consumer waits for what has not been received. */
  get waiting(): boolean {
    return this.inbox.waiting;
  }

  get closed(): boolean {
    return this.#closed;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>, undefined> {
    return iterate(
      () => this.inbox.next(),
      () => this.close(),
    );
  }

  /** What is buffered is dropped and the iterator is done. */
  close(): void {
    this.inbox.discard();
    this.#finish();
  }

  /** What is buffered is handed out, then the iterator throws, or ends when there is no error. */
  fail(error?: LatecomerError): void {
    this.inbox.end(error);
    this.#finish();
  }

  /** Be ended by the signal, at once when it is aborted already. */
  protected obey(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = (): void => {
      this.inbox.discard(abortedError(signal, this.#what));
      this.#finish();
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    this.#release = () => signal.removeEventListener('abort', abort);
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
    this.onClosed();
  }
}
