import { blockPayloadBytesMax, limits, type ServerMessage } from '../protocol/index.js';
import type { Backoff } from './backoff.js';
import type { LoggedIn } from './connection.js';
import type { Environment } from './environment.js';
import { LatecomerError, reportedError } from './errors.js';
import { Flight } from './flight.js';
import { type Acknowledgement, Publication } from './publication.js';
import { PublishBacklog } from './publish-backlog.js';

type Acknowledged = Extract<ServerMessage, { type: 'ACKNOWLEDGED' }>;
type Refused = Extract<ServerMessage, { type: 'REFUSED' }>;

/** What a publisher needs around it. */
export interface PublisherSurroundings {
  queueBytesMax: number;
  /** Waits between attempts at a refused publish. */
  backoff: Backoff;
  schedule: Environment['schedule'];
  write(parts: readonly Buffer[]): void;
  /** The server has refused the first publish in flight for now. */
  postponed(error: LatecomerError): void;
  /** Give up the connection; the error's remedy decides whether another is made. */
  drop(error: LatecomerError): void;
}

/**
 * Publishing, in order, each publish once. Publications of one turn of the event loop share frames; the frames in flight
 * stay within the server's window. After a refusal everything from the refused number on is sent again (go-back-N);
 * after a reconnect everything that is not acknowledged: the server answers what it already has with the original
 * acknowledgement.
 */
export class Publisher {
  readonly #surroundings: PublisherSurroundings;
  readonly #backlog = new PublishBacklog();
  readonly #flight = new Flight();
  #window: LoggedIn | undefined;
  /** Nothing is sent: waiting for the back-off after a refusal, or for earlier frames to be settled first. */
  #held = false;
  #cancelRetry: () => void = () => {};
  #flushScheduled = false;
  /** An unexpected number was reported; once more in a row and the publish fails. */
  #renumbered = false;
  #waiters: { done(): boolean; resolve(): void }[] = [];
  #failure: LatecomerError | undefined;

  constructor(surroundings: PublisherSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether an acknowledgement is still to come. */
  get owed(): boolean {
    return this.#flight.length > 0 || !this.#backlog.empty;
  }

  /** The promise returned never causes an unhandled rejection. */
  publish(payloads: readonly Uint8Array[], session: string, signal?: AbortSignal): Promise<Acknowledgement> {
    const publication = new Publication(session, payloads);
    const refusal = this.#failure ?? this.#misfit(publication);
    if (refusal) publication.reject(refusal);
    else if (signal) publication.obey(signal, () => this.#settleWaiters());
    if (publication.settled) return publication.promise;
    this.#backlog.push(publication);
    this.#scheduleFlush();
    return publication.promise;
  }

  /** Resolves when less than a window's worth waits to be sent; never rejects. */
  room(): Promise<void> {
    return this.#when(() => this.#backlog.bytes < limits.publishWindowBytes);
  }

  /** Resolves when nothing is owed any more; never rejects. */
  idle(): Promise<void> {
    return this.#when(() => !this.owed);
  }

  connected(answer: LoggedIn): void {
    this.#window = answer;
    const { published } = answer;
    const { firstNumber, length } = this.#flight;
    this.#flight.sent = 0;
    this.#release();
    if (length === 0 || published < firstNumber - 1) {
      // With nothing in flight the server's record is the truth. With a record behind ours the server has lost
      // acknowledged publishes; what is in flight is not among them, so it may follow that record.
      this.#flight.renumber(published + 1);
    } else if (published >= firstNumber + length) {
      const message = `the server has publish ${published} on record for this publisher, this client sent up to ${firstNumber + length - 1}`;
      this.#surroundings.drop(new LatecomerError('ERR_PUBLISHER_TAKEN_OVER', message));
      return;
    }
    this.#flush();
  }

  disconnected(): void {
    this.#window = undefined;
    this.#release();
  }

  acknowledged(answer: Acknowledged): void {
    this.#flight.acknowledge(answer);
    this.#renumbered = false;
    this.#surroundings.backoff.reset();
    if (this.#held && this.#flight.sent === 0) this.#retryLater();
    this.#flush();
  }

  /** Only a refusal of the first frame in flight is a verdict; one of a later frame may be the consequence of another. */
  refused(answer: Refused): void {
    const index = answer.number - this.#flight.firstNumber;
    if (index < 0 || index >= this.#flight.sent) return;
    const error = reportedError(answer);
    if (answer.remedy === 'reconnect') {
      this.#surroundings.drop(error);
      return;
    }
    this.#flight.sent = index;
    this.#held = true;
    if (index > 0) return;
    if (answer.code === 'ERR_PUBLISH_NUMBER' && !this.#renumbered) {
      this.#renumbered = true;
      const options = { remedy: 'reconnect', cause: error } as const;
      this.#surroundings.drop(new LatecomerError(answer.code, answer.message, options));
      return;
    }
    if (answer.remedy === 'retry') {
      this.#retryLater();
      this.#surroundings.postponed(error);
      return;
    }
    this.#flight.failFirst(error);
    this.#release();
    this.#flush();
  }

  /** Nothing can be published any more. */
  fail(error: LatecomerError): void {
    this.#failure ??= error;
    this.#release();
    this.#flight.failAll(error);
    for (const publication of this.#backlog.clear()) if (!publication.settled) publication.reject(error);
    this.#settleWaiters();
  }

  #misfit({ payloads, bytes }: Publication): LatecomerError | undefined {
    const single = payloads.length === 1;
    const size = single ? payloads[0]!.length : bytes;
    const sizeMax = single ? limits.payloadBytesMax : blockPayloadBytesMax;
    if (size > sizeMax || payloads.length > limits.blockMessagesMax) {
      const message = `publish of ${payloads.length} payloads, ${size} bytes exceeds ${limits.blockMessagesMax} payloads or ${sizeMax} bytes; make it several`;
      return new LatecomerError('ERR_PUBLISH_TOO_LARGE', message);
    }
    const waiting = this.#backlog.bytes + bytes;
    if (waiting <= this.#surroundings.queueBytesMax || this.#backlog.empty) return undefined;
    const message = `${waiting} bytes would wait to be published, more than publishQueueBytesMax=${this.#surroundings.queueBytesMax}; await room() before publishing more`;
    return new LatecomerError('ERR_QUEUE_FULL', message, { remedy: 'retry' });
  }

  #retryLater(): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#surroundings.schedule(this.#surroundings.backoff.next(), () => {
      this.#release();
      this.#flush();
    });
  }

  #release(): void {
    this.#cancelRetry();
    this.#held = false;
  }

  /** A turn later, so that the publishes of this one share frames. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#window && !this.#held) {
      this.#fillWindow(this.#window);
      const parts: Buffer[] = [];
      while (this.#flight.unsent) parts.push(...this.#flight.takeUnsent());
      if (parts.length > 0) this.#surroundings.write(parts);
    }
    this.#settleWaiters();
  }

  #fillWindow({ publishWindowBytes, publishesInFlightMax }: LoggedIn): void {
    while (!this.#backlog.empty && this.#flight.length < publishesInFlightMax) {
      const room = publishWindowBytes - this.#flight.bytes;
      if (this.#flight.length > 0 && this.#backlog.firstBytes > room) return;
      const publications = this.#backlog.take(room);
      if (publications.length > 0) this.#flight.add(publications);
    }
  }

  #when(done: () => boolean): Promise<void> {
    if (this.#failure || done()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ done, resolve });
    });
  }

  #settleWaiters(): void {
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (this.#failure || waiter.done()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
