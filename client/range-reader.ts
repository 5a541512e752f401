import { type ClientMessage, readBlockHeader, type ServerMessage } from '../protocol/index.js';
import type { Backoff } from './backoff.js';
import type { Environment } from './environment.js';
import { gapError, LatecomerError, reportedError } from './errors.js';
import { InboxReader } from './inbox-reader.js';
import { MessageBlock } from './message-block.js';
import type { Rerequest, RerequestEvents, RerequestOptions } from './rerequest.js';
import type { Values } from './values.js';

/** About what one piece of a range should be, and how much may wait for the consumer before the next is asked for. */
const pieceBytes = 1024 * 1024;
const firstPieceMessages = 1024;
const pieceMessagesMax = 65_536;

/** The session a range belongs to, as the catalogue has it. */
export interface FoundSession {
  session: string;
  epoch: string;
  firstSeq: number;
  lastSeq: number;
}

/** What a range reader needs around it. */
export interface RangeReaderSurroundings<T> {
  values: Values<T>;
  backoff: Backoff;
  schedule: Environment['schedule'];
  /** Send REREQUEST for a piece and register this reader for its answer. @returns the number of the request */
  ask(piece: Omit<Extract<ClientMessage, { type: 'REREQUEST' }>, 'type' | 'request'>): void;
  online(): boolean;
  /** The consumer waits for what has not been received. */
  waiting(): void;
  /** Look a session up in the catalogue; blank means the active one, or the newest when none is active. */
  find(of: { source?: string; session: string }): Promise<FoundSession>;
}

type Answer = Extract<ServerMessage, { type: 'LOST' | 'RETRANSMITTED' | 'REJECTED' }>;

/** A rerequest as its consumer sees it, and the pieces by which it is fetched. */
export class RangeReader<T> extends InboxReader<T, RerequestEvents> implements Rerequest<T> {
  readonly #options: RerequestOptions;
  readonly #surroundings: RangeReaderSurroundings<T>;
  #session: string | undefined;
  #epoch: string | undefined;
  #next: number;
  #pieceMessages = firstPieceMessages;
  /** The last number of the piece being sent. */
  #pieceTo: number | undefined;
  #received = { bytes: 0, messages: 0 };
  #state: 'find' | 'finding' | 'fetch' = 'fetch';
  #cancelRetry: () => void = () => {};

  constructor(options: RerequestOptions, surroundings: RangeReaderSurroundings<T>) {
    super('rerequest', {
      held: () => {},
      drained: () => this.advance(),
      waiting: () => surroundings.waiting(),
    });
    this.#options = options;
    this.#surroundings = surroundings;
    this.#session = options.session === '' ? undefined : options.session;
    this.#epoch = options.epoch;
    this.#next = options.from;
    // A range in several pieces must not mix sessions, nor epochs.
    const severalPieces = options.to - options.from >= firstPieceMessages;
    if (this.#session === undefined || this.#epoch !== undefined || severalPieces) this.#state = 'find';
  }

  /** Begin: heed the signal, ask for the first piece. */
  start(): void {
    this.obey(this.#options.signal);
    this.advance();
  }

  /** Take the next step there is to take, if there is one now. */
  advance(): void {
    if (this.closed || !this.#surroundings.online() || this.#pieceTo !== undefined) return;
    if (this.#state === 'find') {
      this.#find();
      return;
    }
    if (this.#state !== 'fetch' || this.inbox.bytes >= pieceBytes) return;
    this.#cancelRetry();
    const { source, to } = this.#options;
    this.#pieceTo = Math.min(to, this.#next + this.#pieceMessages - 1);
    this.#received = { bytes: 0, messages: 0 };
    this.#surroundings.ask({
      from: this.#next,
      to: this.#pieceTo,
      ...(source !== undefined && { source }),
      ...(this.#session !== undefined && { session: this.#session }),
    });
  }

  /** The piece being sent will not be finished; its rest is asked for again, of the same epoch. */
  disconnected(): void {
    this.#cancelRetry();
    this.#pieceTo = undefined;
    if (this.#state === 'fetch' && this.#epoch !== undefined) this.#state = 'find';
  }

  /** A RETRANSMISSION frame. */
  block(frame: Buffer): void {
    if (this.closed) return;
    const header = readBlockHeader(frame);
    if (!this.#follows(header.firstSeq, header.lastSeq)) return;
    this.#next = header.lastSeq + 1;
    this.#received.bytes += frame.length;
    this.#received.messages += header.count;
    this.inbox.push(
      new MessageBlock(
        frame,
        { ...header, session: this.#session ?? '', epoch: this.#epoch ?? '' },
        this.#surroundings.values,
      ),
    );
  }

  answer(message: Answer): void {
    if (this.closed) return;
    if (message.type === 'REJECTED') {
      this.#onRejected(message);
      return;
    }
    if (message.type === 'LOST') {
      this.#onLost(message);
      return;
    }
    const asked = this.#pieceTo;
    this.#pieceTo = undefined;
    if (this.#next !== message.to + 1) {
      this.fail(gapError('end of the retransmission', this.#next - 1, message.to));
      return;
    }
    this.#surroundings.backoff.reset();
    // The server may end early, where the log ends.
    if (this.#next > this.#options.to || message.to !== asked) {
      this.fail();
      return;
    }
    const messageBytes = this.#received.messages > 0 ? this.#received.bytes / this.#received.messages : 1;
    this.#pieceMessages = Math.max(1, Math.min(pieceMessagesMax, Math.floor(pieceBytes / messageBytes)));
    this.advance();
  }

  protected override onClosed(): void {
    this.#cancelRetry();
  }

  #find(): void {
    this.#state = 'finding';
    const { source } = this.#options;
    this.#surroundings.find({ session: this.#session ?? '', ...(source !== undefined && { source }) }).then(
      (found) => this.#onFound(found),
      (error: unknown) => this.fail(error as LatecomerError),
    );
  }

  #onFound(found: FoundSession): void {
    if (this.closed) return;
    if (this.#epoch !== undefined && this.#epoch !== found.epoch) {
      const message = `session ${found.session} is of epoch ${found.epoch}, the range is of epoch ${this.#epoch}`;
      this.fail(new LatecomerError('ERR_RESET', message, { facts: { ...found } }));
      return;
    }
    if (this.#options.to > found.lastSeq) {
      const message = `range ends at ${this.#options.to}, session ${found.session} at ${found.lastSeq}`;
      return this.fail(new LatecomerError('ERR_BEYOND_NEXT', message, { remedy: 'retry', facts: { ...found } }));
    }
    this.#session = found.session;
    this.#epoch ??= found.epoch;
    this.#state = 'fetch';
    this.advance();
  }

  #onLost({ from, to, reason }: Extract<Answer, { type: 'LOST' }>): void {
    if (!this.#follows(from, to)) return;
    this.#next = to + 1;
    this.inbox.notify(() => this.emit('lost', { from, to, reason }));
  }

  #onRejected(message: Extract<Answer, { type: 'REJECTED' }>): void {
    this.#pieceTo = undefined;
    if (message.remedy === 'never' || message.code === 'ERR_BEYOND_NEXT') {
      this.fail(reportedError(message));
      return;
    }
    this.#cancelRetry = this.#surroundings.schedule(this.#surroundings.backoff.next(), () => this.advance());
  }

  #follows(from: number, to: number): boolean {
    if (from === this.#next && to <= (this.#pieceTo ?? 0)) return true;
    this.fail(gapError(`retransmission of [${from}..${to}]`, this.#next, from));
    return false;
  }
}
