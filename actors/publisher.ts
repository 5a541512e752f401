import {
  type Durability,
  type ErrorCode,
  errorCodes,
  ProtocolError,
  type Publish,
  type ReceiptRun,
  type ServerMessage,
} from '../protocol/index.js';
import type { Log, PublisherRecord, ReceiptWrite, StorageError } from '../storage/index.js';
import type { Producer, PublishQueue } from './publish-queue.js';

/** The answers a publisher gets. */
export type PublishAnswer = Extract<ServerMessage, { type: 'ACKNOWLEDGED' | 'REFUSED' }>;

/** The connection that speaks for a publisher at the moment. */
export interface PublisherOwner {
  answer(answer: PublishAnswer): void;
  /** Publishes first..last get no answer: they are behind a refused one, or a repeat of one that is on its way. */
  dropped(first: number, last: number): void;
  /** A newer login has the same publisher id; nothing more is answered to this owner. */
  takenOver(): void;
  /** Whether it is not there any more: a login that took long finds nobody to answer. */
  gone(): boolean;
}

/** What a publisher publishes into; it changes when the source's session does. */
export interface PublishTarget {
  log: Log;
  queue: PublishQueue;
  /** Why nothing can be published now; `undefined` when it can. */
  refusal(session: string): ProtocolError | StorageError | undefined;
}

/**
 * The numbers of one publisher of one source. Numbers are consecutive; a repeat gets its original acknowledgement; after
 * a refusal everything behind the refused number is dropped until that number is sent again, so that neither order nor
 * a message is lost.
 */
export class Publisher implements Producer {
  readonly #record: PublisherRecord;
  readonly #target: () => PublishTarget;
  readonly #ownRefusal: () => ProtocolError | undefined;
  #owner: PublisherOwner | undefined;
  #durability: Durability = 'os';
  /** Next number to accept; unknown (0) until the first publish of a publisher that is not on record. */
  #expected: number;
  /** Numbers beyond this one are the rest of a flight that was refused; unset when nothing is. */
  #refusedFrom: number | undefined;
  #pending = 0;
  #waiting: (() => void)[] = [];
  #unknown: ProtocolError | StorageError | undefined;

  /** @param ownRefusal why this publisher may not publish now, whoever else may */
  constructor(
    record: PublisherRecord,
    target: () => PublishTarget,
    ownRefusal: () => ProtocolError | undefined = () => undefined,
  ) {
    this.#record = record;
    this.#target = target;
    this.#ownRefusal = ownRefusal;
    this.#expected = this.#behindRecord();
  }

  /** Last number on record; 0 when there is none. */
  get lastNumber(): number {
    return this.#record.lastNumber;
  }

  /**
   * Whether its record may disagree with the disk: a write of it has failed and the outcome is not known. Only a new
   * login, which reads the record anew, helps.
   */
  get unknown(): boolean {
    return this.#unknown !== undefined;
  }

  /** Whether nobody speaks for it and nothing of it is being written, so that it can be forgotten until its next login. */
  get idle(): boolean {
    return this.#owner === undefined && this.#pending === 0;
  }

  /** Nobody speaks for it from now on; an owner that did is told. Follow with {@link settled} and {@link own}. */
  takeOver(): void {
    const previous = this.#owner;
    this.#owner = undefined;
    previous?.takenOver();
  }

  /** Resolves when nothing of it is being written: only then is {@link lastNumber} the truth. */
  async settled(): Promise<void> {
    while (this.#pending > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A login: from now on its answers go to `owner`, and its publishes ask at least for `durability`. */
  own(owner: PublisherOwner, durability: Durability): void {
    this.takeOver();
    this.#owner = owner;
    this.#durability = durability;
    this.#refusedFrom = undefined;
    this.#expected = this.#behindRecord();
  }

  /** The owner has gone; what it published is still written. */
  disown(owner: PublisherOwner): void {
    if (this.#owner === owner) this.#owner = undefined;
  }

  /** Take a publish: it is answered or dropped, sooner or later. One of an owner that was taken over is not looked at. */
  publish(owner: PublisherOwner, publish: Publish): void {
    if (owner !== this.#owner) return;
    const { number } = publish;
    if (this.#refusedFrom !== undefined && number > this.#refusedFrom) return owner.dropped(number, number);
    if (this.#unknown) return this.#refuseFrom(number, this.#unknown);
    if (number <= this.#record.lastNumber) return this.#repeat(number);
    // With nothing on its way, a lower number is where a publisher without a record starts after all.
    if (number < this.#expected && this.#pending > 0) return this.#repeatOnItsWay(owner, number);
    if (this.#expected !== 0 && number > this.#expected) return this.#refuseFrom(number, gap(number, this.#expected));
    const error = this.#push(publish);
    if (error) return this.#fence(number, error);
    this.#refusedFrom = undefined;
    this.#pending += 1;
    this.#expected = number + 1;
  }

  /** @returns why it was not queued */
  #push({ number, session, payloads }: Publish): ProtocolError | StorageError | undefined {
    const target = this.#target();
    const refusal = this.#ownRefusal() ?? target.refusal(session);
    if (refusal) return refusal;
    try {
      target.queue.push({ producer: this, number, payloads, durability: this.#durability });
      return undefined;
    } catch (error) {
      if (error instanceof ProtocolError) return error;
      throw error;
    }
  }

  receipt(log: Log, runs: ReceiptRun[], durability: Durability): ReceiptWrite {
    return this.#record.record(log, runs, durability);
  }

  acknowledged(log: Log, runs: ReceiptRun[], durability: Durability): void {
    let publishes = 0;
    for (const [, run] of runs) publishes += run;
    this.#settle(publishes);
    this.#acknowledge(log, runs, durability);
  }

  refused(number: number, error: ProtocolError | StorageError): void {
    const lastPending = this.#expected - 1;
    this.#settle(this.#pending);
    if (error.code === 'ERR_OUTCOME_UNKNOWN') this.#unknown = error;
    this.#fence(number, error);
    if (lastPending > number) this.#owner?.dropped(number + 1, lastPending);
  }

  /** Refuse `number`, and go on with it when it comes again. */
  #fence(number: number, error: ProtocolError | StorageError): void {
    this.#expected = number;
    this.#refuseFrom(number, error);
  }

  /** Refuse `number`, and drop what is behind it until it, or a lower one, comes. */
  #refuseFrom(number: number, error: ProtocolError | StorageError): void {
    this.#refusedFrom = number;
    this.#refuse(number, error);
  }

  /** With nothing on record, a publisher may start with any number. */
  #behindRecord(): number {
    return this.#record.lastNumber === 0 ? 0 : this.#record.lastNumber + 1;
  }

  #settle(publishes: number): void {
    this.#pending -= publishes;
    if (this.#pending === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** It is answered when the original is; one that is lower than all on their way was left out, and comes too late. */
  #repeatOnItsWay(owner: PublisherOwner, number: number): void {
    if (number >= this.#expected - this.#pending) owner.dropped(number, number);
    else this.#refuse(number, gap(number, this.#expected));
  }

  #repeat(number: number): void {
    const found = this.#record.find(number);
    if (found) return this.#acknowledge(found, [found.run], found.durability);
    this.#refuse(
      number,
      new ProtocolError('ERR_PUBLISH_NUMBER', `publish ${number} was taken long ago, its acknowledgement is not kept`),
    );
  }

  #acknowledge(log: Pick<Log, 'session' | 'epoch'>, runs: ReceiptRun[], durability: Durability): void {
    const [firstNumber, publishes] = runs[runs.length - 1]!;
    this.#owner?.answer({
      type: 'ACKNOWLEDGED',
      source: this.#target().log.source,
      session: log.session,
      epoch: log.epoch,
      durability,
      number: firstNumber + publishes - 1,
      runs,
    });
  }

  #refuse(number: number, error: ProtocolError | StorageError): void {
    const code = wireCode(error.code);
    this.#owner?.answer({ type: 'REFUSED', number, code, message: error.message, remedy: errorCodes[code] });
  }
}

function gap(number: number, expected: number): ProtocolError {
  return new ProtocolError(
    'ERR_PUBLISH_NUMBER',
    `publish number ${number} found, ${expected} expected: numbers are consecutive`,
  );
}

/** The code of a storage failure as the wire knows it. */
function wireCode(code: string): ErrorCode {
  return code in errorCodes ? (code as ErrorCode) : 'ERR_STORAGE_UNAVAILABLE';
}

/** The level that promises more. */
export function stronger(one: Durability, other: Durability): Durability {
  return one === 'disk' || other === 'disk' ? 'disk' : 'os';
}
