import { ProtocolError, readBlockHeader, type ServerMessage } from '../protocol/index.js';
import type { LatecomerError } from './errors.js';
import { LogReader } from './log-reader.js';
import { StreamRequest, type StreamRequestSurroundings, type StreamRoutes } from './stream-request.js';
import type { SubscribeOptions } from './subscription.js';
import type { Values } from './values.js';

/** What subscriptions need around them. */
export interface SubscriptionsSurroundings<T> extends StreamRequestSurroundings {
  values: Values<T>;
  /** Bytes waiting for consumers have changed. */
  held(bytes: number): void;
  /** A consumer waits for what has not been received. */
  waiting(): void;
}

type Answer = Extract<
  ServerMessage,
  {
    type:
      | 'SUBSCRIBED'
      | 'REJECTED'
      | 'RESET'
      | 'LIVE'
      | 'LOST'
      | 'SESSION_DISCARDED'
      | 'END_OF_SESSION'
      | 'UNSUBSCRIBED';
  }
>;

/** All subscriptions of a client: has the server asked for each, again after a reconnect, and gives each what is its own. */
export class Subscriptions<T> {
  readonly #surroundings: SubscriptionsSurroundings<T>;
  /** Those whose reader is open. */
  readonly #open = new Set<StreamRequest<T>>();
  readonly #routes: StreamRoutes<T> = { byRequest: new Map(), byLog: new Map() };

  constructor(surroundings: SubscriptionsSurroundings<T>) {
    this.#surroundings = surroundings;
  }

  add(options: SubscribeOptions): LogReader<T> {
    const { values, held, waiting } = this.#surroundings;
    const reader: LogReader<T> = new LogReader(options, values, {
      held,
      waiting,
      drained: () => stream.drained(),
      closed: () => {
        this.#open.delete(stream);
        stream.closed();
      },
    });
    const stream = new StreamRequest(reader, this.#routes, this.#surroundings);
    reader.start();
    if (reader.closed) return reader;
    this.#open.add(stream);
    stream.ask();
    return reader;
  }

  connected(): void {
    for (const stream of this.#open) stream.ask();
  }

  /** The server has forgotten everything; readers that were closed meanwhile are done with. */
  disconnected(): void {
    for (const stream of this.#open) stream.disconnected();
    this.#routes.byRequest.clear();
    this.#routes.byLog.clear();
  }

  /** Every iterator throws the error after what is buffered; ends when there is none. */
  fail(error?: LatecomerError): void {
    for (const { reader } of [...this.#open]) reader.fail(error);
  }

  /** Whether a consumer waits for what has not been received. */
  get waiting(): boolean {
    for (const { reader } of this.#open) if (reader.waiting) return true;
    return false;
  }

  /** Tell the server to stop sending to the consumers that are furthest behind; they are resumed where they were. */
  shed(): void {
    const behind = [...this.#open].filter(({ streaming, reader }) => streaming && reader.bytes > 0);
    const bytes = behind.reduce((sum, { reader }) => sum + reader.bytes, 0);
    for (const stream of behind) if (stream.reader.bytes * behind.length >= bytes) stream.shed();
  }

  /** A MESSAGES frame. */
  block(frame: Buffer): void {
    const header = readBlockHeader(frame);
    const stream = this.#routes.byLog.get(header.log);
    if (stream === undefined) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `messages of log ${header.log}, to which nothing is subscribed`);
    }
    stream.messages((reader) => reader.block(frame, header));
  }

  /** @returns whether the message was for a subscription */
  answer(message: Answer): boolean {
    switch (message.type) {
      case 'SUBSCRIBED':
      case 'REJECTED':
      case 'RESET':
        return this.#onReply(message);
      case 'LIVE':
      case 'LOST':
      case 'SESSION_DISCARDED':
      case 'END_OF_SESSION':
      case 'UNSUBSCRIBED':
        if (message.log === undefined) return false;
        this.#onProgress(this.#routes.byLog.get(message.log), message);
        return true;
    }
  }

  #onReply(message: Extract<Answer, { type: 'SUBSCRIBED' | 'REJECTED' | 'RESET' }>): boolean {
    const stream = message.request === undefined ? undefined : this.#routes.byRequest.get(message.request);
    if (stream === undefined) return false;
    if (message.type === 'SUBSCRIBED') stream.subscribed(message);
    else if (message.type === 'RESET') stream.reset(message);
    else stream.rejected(message, this.#closedIsLeaving);
    return true;
  }

  #onProgress(
    stream: StreamRequest<T> | undefined,
    message: Extract<Answer, { type: 'LIVE' | 'LOST' | 'SESSION_DISCARDED' | 'END_OF_SESSION' | 'UNSUBSCRIBED' }>,
  ): void {
    if (message.type === 'UNSUBSCRIBED') stream?.unsubscribed(message);
    else if (message.type === 'END_OF_SESSION') stream?.ended(message);
    else if (message.type === 'SESSION_DISCARDED') stream?.progress((reader) => reader.discarded(message));
    else if (message.type === 'LIVE') stream?.progress((reader) => reader.live());
    else stream?.progress((reader) => reader.lost(message));
  }

  /** Whether the server still has a subscription of a reader that was closed: it is told to end it. */
  get #closedIsLeaving(): boolean {
    for (const stream of this.#routes.byLog.values()) if (stream.closedIsLeaving) return true;
    return false;
  }
}
