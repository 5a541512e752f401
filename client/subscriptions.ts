import { type ClientMessage, ProtocolError, readBlockHeader, type ServerMessage } from '../protocol/index.js';
import { Backoff, type BackoffRange } from './backoff.js';
import type { Environment } from './environment.js';
import { LatecomerError, reportedError } from './errors.js';
import { LogReader } from './log-reader.js';
import type { SubscribeOptions } from './subscription.js';
import type { Values } from './values.js';

/**
 * `waiting` – the server is to be asked; `requested` – it was; `streaming` – it sends;
 * `leaving` – it was told to stop, what still comes is dropped.
 */
type State = 'waiting' | 'requested' | 'streaming' | 'leaving';

/** A reader and what the server knows of it on this connection. */
interface Entry<T> {
  reader: LogReader<T>;
  state: State;
  request: number;
  /** Its log while `streaming` or `leaving`. */
  log: number | undefined;
  /** Told to stop because its consumer is slow: asked for again when the consumer has caught up. */
  shed: boolean;
  backoff: Backoff;
  cancelRetry: () => void;
}

/** What subscriptions need around them. */
export interface SubscriptionsSurroundings<T> {
  values: Values<T>;
  environment: Environment;
  retry: BackoffRange;
  nextRequest(): number;
  send(message: ClientMessage): void;
  online(): boolean;
  /** Bytes waiting for consumers have changed. */
  held(bytes: number): void;
  /** A consumer waits for what has not been received. */
  waiting(): void;
}

type Answer = Extract<
  ServerMessage,
  { type: 'SUBSCRIBED' | 'REJECTED' | 'RESET' | 'LIVE' | 'LOST' | 'END_OF_SESSION' | 'UNSUBSCRIBED' }
>;

/** All subscriptions of a client: asks the server for each, again after a reconnect, and gives each what is its own. */
export class Subscriptions<T> {
  readonly #surroundings: SubscriptionsSurroundings<T>;
  readonly #entries = new Set<Entry<T>>();
  readonly #byRequest = new Map<number, Entry<T>>();
  readonly #byLog = new Map<number, Entry<T>>();

  constructor(surroundings: SubscriptionsSurroundings<T>) {
    this.#surroundings = surroundings;
  }

  add(options: SubscribeOptions): LogReader<T> {
    const { values, environment, retry, held, waiting } = this.#surroundings;
    const reader: LogReader<T> = new LogReader(options, values, {
      held,
      waiting,
      drained: () => this.#onDrained(entry),
      closed: () => this.#onClosed(entry),
    });
    const backoff = new Backoff(retry, environment.random);
    const entry: Entry<T> = {
      reader,
      state: 'waiting',
      request: 0,
      log: undefined,
      shed: false,
      backoff,
      cancelRetry: () => {},
    };
    reader.start();
    if (reader.closed) return reader;
    this.#entries.add(entry);
    this.#request(entry);
    return reader;
  }

  connected(): void {
    for (const entry of this.#entries) this.#request(entry);
  }

  /** The server has forgotten everything; readers that were closed meanwhile are done with. */
  disconnected(): void {
    this.#byRequest.clear();
    this.#byLog.clear();
    for (const entry of this.#entries) {
      entry.cancelRetry();
      entry.state = 'waiting';
      entry.log = undefined;
    }
  }

  /** Every iterator throws the error after what is buffered; ends when there is none. */
  fail(error?: LatecomerError): void {
    for (const entry of [...this.#entries]) entry.reader.fail(error);
  }

  /** Whether a consumer waits for what has not been received. */
  get waiting(): boolean {
    for (const { reader } of this.#entries) if (reader.waiting) return true;
    return false;
  }

  /** Tell the server to stop sending to the consumers that are furthest behind; they are resumed where they were. */
  shed(): void {
    const behind = [...this.#entries].filter(({ state, reader }) => state === 'streaming' && reader.bytes > 0);
    const bytes = behind.reduce((sum, { reader }) => sum + reader.bytes, 0);
    for (const entry of behind) {
      if (entry.reader.bytes * behind.length < bytes) continue;
      entry.shed = true;
      this.#leave(entry);
    }
  }

  /** A MESSAGES frame. */
  block(frame: Buffer): void {
    const header = readBlockHeader(frame);
    const entry = this.#byLog.get(header.log);
    if (entry === undefined) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `messages of log ${header.log}, to which nothing is subscribed`);
    }
    if (entry.state !== 'streaming') return;
    entry.backoff.reset();
    this.#deliver(entry, () => entry.reader.block(frame, header));
  }

  /** @returns whether the message was for a subscription */
  answer(message: Answer): boolean {
    const entry =
      'request' in message && message.request !== undefined ? this.#byRequest.get(message.request) : undefined;
    switch (message.type) {
      case 'SUBSCRIBED':
        if (entry) this.#onSubscribed(entry, message);
        return entry !== undefined;
      case 'REJECTED':
        if (entry) this.#onRejected(entry, message);
        return entry !== undefined;
      case 'RESET':
        if (entry) {
          this.#forget(entry);
          entry.reader.reset(message);
        }
        return entry !== undefined;
      case 'UNSUBSCRIBED':
        this.#onUnsubscribed(this.#byLog.get(message.log), message);
        return true;
      case 'LIVE':
      case 'LOST':
      case 'END_OF_SESSION':
        return message.log !== undefined && this.#onProgress(message.log, message);
    }
  }

  #onProgress(log: number, message: Extract<Answer, { type: 'LIVE' | 'LOST' | 'END_OF_SESSION' }>): boolean {
    const entry = this.#byLog.get(log);
    if (entry === undefined) return true;
    const streaming = entry.state === 'streaming';
    if (message.type === 'END_OF_SESSION') {
      // The server's subscription is over either way; one that was leaving asks again and is told again.
      if (!streaming) this.#onLeft(entry);
      else {
        this.#forget(entry);
        this.#deliver(entry, () => entry.reader.ended(message));
      }
    } else if (streaming) {
      if (message.type === 'LIVE') entry.reader.live();
      else this.#deliver(entry, () => entry.reader.lost(message));
    }
    return true;
  }

  #request(entry: Entry<T>): void {
    if (entry.state !== 'waiting' || entry.shed || !this.#surroundings.online()) return;
    entry.cancelRetry();
    entry.request = this.#surroundings.nextRequest();
    entry.state = 'requested';
    this.#byRequest.set(entry.request, entry);
    this.#surroundings.send({ type: 'SUBSCRIBE', ...entry.reader.request(entry.request) });
  }

  #onSubscribed(entry: Entry<T>, message: Extract<Answer, { type: 'SUBSCRIBED' }>): void {
    entry.state = 'streaming';
    entry.log = message.log;
    this.#byLog.set(message.log, entry);
    if (entry.reader.closed) {
      this.#leave(entry);
      return;
    }
    this.#deliver(entry, () => entry.reader.subscribed(message));
  }

  #onRejected(entry: Entry<T>, message: Extract<Answer, { type: 'REJECTED' }>): void {
    this.#forget(entry);
    if (entry.reader.closed) return;
    const inTheWay = message.code === 'ERR_ALREADY_SUBSCRIBED' && this.#closedIsLeaving;
    this.#failOrRetry(entry, inTheWay ? { ...message, remedy: 'retry' } : message);
  }

  /** Whether the server still has a subscription of a reader that was closed: it is told to end it. */
  get #closedIsLeaving(): boolean {
    for (const { state, reader } of this.#byLog.values()) if (state === 'leaving' && reader.closed) return true;
    return false;
  }

  /** Asked for, or, with a code, how the server ends a subscription that it cannot go on with. */
  #onUnsubscribed(entry: Entry<T> | undefined, message: Extract<Answer, { type: 'UNSUBSCRIBED' }>): void {
    const { code, message: text = 'the server ended the subscription', remedy = 'retry' } = message;
    if (entry === undefined || entry.reader.closed || entry.state === 'leaving' || code === undefined) {
      this.#onLeft(entry);
    } else {
      this.#forget(entry);
      this.#failOrRetry(entry, { code, message: text, remedy });
    }
  }

  /** What may be tried again is, where the reader stands; a position that does not exist yet is for the caller to judge. */
  #failOrRetry(entry: Entry<T>, report: Parameters<typeof reportedError>[0]): void {
    if (report.remedy === 'never' || report.code === 'ERR_BEYOND_NEXT') {
      entry.reader.fail(reportedError(report));
    } else {
      const { schedule } = this.#surroundings.environment;
      entry.cancelRetry = schedule(entry.backoff.next(), () => this.#request(entry));
    }
  }

  #onDrained(entry: Entry<T>): void {
    if (!entry.shed) return;
    entry.shed = false;
    this.#request(entry);
  }

  #onClosed(entry: Entry<T>): void {
    entry.cancelRetry();
    this.#entries.delete(entry);
    if (entry.state === 'streaming') this.#leave(entry);
  }

  #leave(entry: Entry<T>): void {
    entry.state = 'leaving';
    this.#surroundings.send({ type: 'UNSUBSCRIBE', log: entry.log! });
  }

  #onLeft(entry: Entry<T> | undefined): void {
    if (entry === undefined) return;
    this.#forget(entry);
    if (!entry.reader.closed) this.#request(entry);
  }

  /** The server has no subscription for it any more. */
  #forget(entry: Entry<T>): void {
    this.#byRequest.delete(entry.request);
    if (entry.log !== undefined) this.#byLog.delete(entry.log);
    entry.log = undefined;
    entry.state = 'waiting';
  }

  /** What does not follow what came before ends that one subscription, loudly. */
  #deliver(entry: Entry<T>, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof LatecomerError)) throw error;
      entry.reader.fail(error);
    }
  }
}
