import type { BlockHeader, ServerMessage, SubscribeBody } from '../protocol/index.js';
import { gapError, LatecomerError } from './errors.js';
import { iterate } from './inbox-iterator.js';
import { InboxReader } from './inbox-reader.js';
import { MessageBlock } from './message-block.js';
import type { Position, SubscribeOptions, Subscription, SubscriptionEvents } from './subscription.js';
import type { Values } from './values.js';

type ServerMessageOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;

/** What a log reader tells its owner. */
export interface LogReaderEvents {
  held(bytes: number): void;
  drained(): void;
  /** The consumer waits for what has not been received. */
  waiting(): void;
  /** It wants nothing more. */
  closed(): void;
}

/**
 * The subscription as its consumer sees it, and the position behind it: `next` is the number the server owes. It knows
 * nothing of connections; `StreamRequest` asks the server on its behalf.
 */
export class LogReader<T> extends InboxReader<T, SubscriptionEvents> implements Subscription<T> {
  readonly #options: SubscribeOptions;
  readonly #values: Values<T>;
  readonly #events: LogReaderEvents;
  #at: { session: string; epoch: string; next: number } | undefined;
  /** Name of the session behind the one it is at the end of; the server goes on with it. */
  #behind: string | undefined;
  /** Name of the session last told of as discarded: after a reconnect it is told of once more. */
  #discarded: string | undefined;

  constructor(options: SubscribeOptions, values: Values<T>, events: LogReaderEvents) {
    super('subscription', {
      held: (bytes) => events.held(bytes),
      drained: () => events.drained(),
      waiting: () => events.waiting(),
    });
    this.#options = options;
    this.#values = values;
    this.#events = events;
  }

  /** Begin to heed the signal of the options; the reader may be closed afterwards. */
  start(): void {
    this.obey(this.#options.signal);
  }

  /** Whether it goes on when its session ends. */
  get follows(): boolean {
    return this.#options.follow === true;
  }

  get position(): Position | undefined {
    if (this.#at === undefined) return undefined;
    const { session, epoch, nextSeq } = this.inbox.upcoming ?? { ...this.#at, nextSeq: this.#at.next };
    return { session, epoch, from: nextSeq };
  }

  blocks(): AsyncIterableIterator<MessageBlock<T>, undefined> {
    return iterate(
      () => this.inbox.nextBlock(),
      () => this.close(),
    );
  }

  /** The request to make of the server now: what was asked for at first, later the position reached. */
  request(request: number): SubscribeBody {
    const { source, session, from, epoch, wait, follow } = this.#options;
    const body: SubscribeBody = { request };
    if (follow !== undefined) body.follow = follow;
    if (source !== undefined) body.source = source;
    if (wait !== undefined) body.wait = wait;
    if (this.#at) {
      const { session, epoch, next } = this.#at;
      return { ...body, session, epoch, from: next };
    }
    if (session !== undefined) body.session = session;
    if (from !== undefined) body.from = from;
    if (epoch !== undefined) body.epoch = epoch;
    return body;
  }

  /** @throws LatecomerError `ERR_GAP` when the server continues elsewhere than asked */
  subscribed(answer: ServerMessageOf<'SUBSCRIBED'>): void {
    const { source, session, epoch, from, lastSeq } = answer;
    const asked = session === this.#behind ? 1 : (this.#at?.next ?? this.#options.from);
    if (asked !== undefined && asked > 0 && asked !== from)
      throw gapError(`start of the subscription to ${session}`, asked, from);
    if (session === this.#behind) this.#behind = undefined;
    this.#at = { session, epoch, next: from };
    this.emit('subscribed', { source, session, epoch, from, lastSeq });
    if (from <= lastSeq) this.emit('rewinding', { session, from, lastSeq });
  }

  /** @throws LatecomerError `ERR_GAP` */
  block(frame: Buffer, header: BlockHeader): void {
    const { session, epoch } = this.#expect(header.firstSeq, `block of ${header.count} messages`);
    this.#at!.next = header.lastSeq + 1;
    this.inbox.push(new MessageBlock(frame, { ...header, session, epoch }, this.#values));
  }

  /** @throws LatecomerError `ERR_GAP` */
  lost({ from, to, reason }: ServerMessageOf<'LOST'>): void {
    const { session } = this.#expect(from, `LOST range up to ${to}`);
    this.#at!.next = to + 1;
    this.inbox.notify(() => this.emit('lost', { session, from, to, reason }));
  }

  live(): void {
    if (this.#at === undefined) return;
    const { session, next } = this.#at;
    this.inbox.notify(() => this.emit('live', { session, seq: next - 1 }));
  }

  /** At once: what the consumer has not been handed yet is not to be used either. */
  discarded({ session, reason }: ServerMessageOf<'SESSION_DISCARDED'>): void {
    if (this.#discarded === session) return;
    this.#discarded = session;
    this.emit('discarded', { session, reason });
  }

  /**
   * The session behind this one, if there is one and it {@link follows}, is what the server sends next.
   * @throws LatecomerError `ERR_GAP` when messages are missing at the end
   */
  ended(answer: ServerMessageOf<'END_OF_SESSION'>): void {
    const { lastSeq, next } = answer;
    // A reader that waits for a later message may be beyond the end.
    if (this.#at === undefined || lastSeq >= this.#at.next) this.#expect(lastSeq + 1, 'end of session');
    // After a reconnect between the two sessions the server tells of the end once more.
    if (this.#behind === undefined) {
      const { type: _type, log: _log, ...end } = answer;
      this.inbox.notify(() => this.emit('ended', end));
    }
    if (!this.follows || next === undefined || !this.#at) {
      this.fail();
      return;
    }
    this.#behind = next;
    this.#at.next = lastSeq + 1;
  }

  reset(answer: ServerMessageOf<'RESET'>): void {
    const { source, session, epoch, firstSeq, lastSeq } = answer;
    const asked = this.#at?.epoch ?? this.#options.epoch;
    const message = `session ${session} is of epoch ${epoch}, the position is of epoch ${asked}: it kept messages [${firstSeq}..${lastSeq}]`;
    const facts = { source, session, epoch, firstSeq, lastSeq };
    this.fail(new LatecomerError('ERR_RESET', message, { facts }));
  }

  protected override onClosed(): void {
    this.#events.closed();
  }

  #expect(found: number, what: string): { session: string; epoch: string } {
    const at = this.#at;
    if (at === undefined || found !== at.next) {
      throw gapError(what, at?.next, found);
    }
    return at;
  }
}
