import { type LostRange, readBlockHeader } from '../../protocol/index.js';
import { gapError, type LatecomerError } from '../errors.js';
import { Inbox } from '../inbox.js';
import { iterate } from '../inbox-iterator.js';
import { type Message, MessageBlock } from '../message-block.js';
import type { Values } from '../values.js';
import type { GroupPosition } from './participant-types.js';

/** What a reader tells its owner. */
export interface ParticipantReaderEvents {
  /** Bytes that wait for the consumer have changed by this much. */
  held(bytes: number): void;
  /** There may be something to acknowledge, see {@link ParticipantReader.takeAcknowledgement}. */
  progressed(): void;
  live(seq: number): void;
  lost(range: LostRange): void;
}

/**
 * The messages of a participant as its consumer sees them, over all its connections, and how far they are: received, handed
 * out, done with. A message is done with when the consumer asks for the next one; only then is it acknowledged. What was
 * handed out is not handed out again when the server sends it again.
 */
export class ParticipantReader<T> {
  readonly #values: Values<T>;
  readonly #events: ParticipantReaderEvents;
  #inbox: Inbox<T>;
  #session = '';
  #epoch: string | undefined;
  /** The last number received on this connection. */
  #received = 0;
  /** The last number acknowledged on this connection. */
  #acknowledged = 0;
  #handed = 0;
  #done = 0;

  constructor(values: Values<T>, events: ParticipantReaderEvents) {
    this.#values = values;
    this.#events = events;
    this.#inbox = this.#open();
  }

  /** How far the consumer is; `undefined` before the first connection. */
  get position(): GroupPosition | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#done };
  }

  messages(): AsyncIterableIterator<Message<T>, undefined> {
    const inbox = this.#inbox;
    return iterate(
      () => this.#next(inbox, () => inbox.next()),
      () => {},
    );
  }

  blocks(): AsyncIterableIterator<MessageBlock<T>, undefined> {
    const inbox = this.#inbox;
    return iterate(
      () => this.#next(inbox, () => inbox.nextBlock()),
      () => {},
    );
  }

  /** The consumer is elsewhere than this reader knows. */
  resume({ epoch, seq }: GroupPosition): void {
    this.#epoch = epoch;
    this.#handed = seq;
    this.#done = seq;
  }

  /** A command asks for messages: what an earlier one left unread comes again. */
  renew(): void {
    this.#inbox.discard();
    this.#inbox = this.#open();
  }

  /** The server begins to send, with this number: what has not been handed out comes again. */
  begin({ epoch, session, from }: { epoch: string; session: string; from: number }): void {
    this.#inbox.clear();
    const known = epoch === this.#epoch ? { handed: this.#handed, done: this.#done } : { handed: 0, done: 0 };
    this.#epoch = epoch;
    this.#session = session;
    this.#received = from - 1;
    this.#acknowledged = from - 1;
    this.#handed = Math.max(known.handed, from - 1);
    this.#done = Math.max(known.done, from - 1);
  }

  /** A MESSAGES frame. @throws LatecomerError `ERR_GAP` */
  block(frame: Buffer): void {
    const header = readBlockHeader(frame);
    this.#expect(header.firstSeq, `block of ${header.count} messages`);
    this.#received = header.lastSeq;
    if (header.lastSeq > this.#handed) {
      const block = new MessageBlock(frame, { ...header, session: this.#session, epoch: this.#epoch! }, this.#values);
      block.skipTo(this.#handed + 1);
      this.#inbox.push(block);
    }
    this.#events.progressed();
  }

  /** A LOST range, which counts as taken. @throws LatecomerError `ERR_GAP` */
  lost({ from, to, reason }: LostRange): void {
    this.#expect(from, `LOST range up to ${to}`);
    this.#received = to;
    this.#inbox.notify(() => {
      const first = Math.max(from, this.#handed + 1);
      if (first > to) return;
      // The message before it may still be at work on.
      if (this.#done === this.#handed) this.#done = to;
      this.#handed = to;
      this.#events.progressed();
      this.#events.lost({ from: first, to, reason });
    });
  }

  live(seq: number): void {
    this.#inbox.notify(() => this.#events.live(seq));
  }

  /** The connection is gone: what has not been handed out will be sent again. */
  broken(): void {
    this.#inbox.clear();
  }

  /** Nothing follows; what was received is handed out, then the iterator ends, with the error if there is one. */
  end(error?: LatecomerError): void {
    this.#inbox.end(error);
  }

  /** The number to acknowledge now, which is thereby done; `undefined` when there is none. */
  takeAcknowledgement(): number | undefined {
    const seq = Math.min(this.#done, this.#received);
    if (seq <= this.#acknowledged) return undefined;
    this.#acknowledged = seq;
    return seq;
  }

  #open(): Inbox<T> {
    return new Inbox({
      held: this.#events.held,
      drained: () => {},
      waiting: () => {},
      handed: (seq) => {
        this.#handed = seq;
      },
      broken: () => {},
    });
  }

  #next<Result>(inbox: Inbox<T>, take: () => Promise<Result>): Promise<Result> {
    if (inbox === this.#inbox && this.#done < this.#handed) {
      this.#done = this.#handed;
      this.#events.progressed();
    }
    return take();
  }

  #expect(found: number, what: string): void {
    if (found !== this.#received + 1) throw gapError(what, this.#received + 1, found);
  }
}
