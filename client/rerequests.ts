import { type ClientMessage, ProtocolError, readBlockHeader, type ServerMessage } from '../protocol/index.js';
import { Backoff, type BackoffRange } from './backoff.js';
import type { Environment } from './environment.js';
import type { LatecomerError } from './errors.js';
import { RangeReader, type RangeReaderSurroundings } from './range-reader.js';
import type { RerequestOptions } from './rerequest.js';
import type { Values } from './values.js';

type Answer = Extract<ServerMessage, { type: 'LOST' | 'RETRANSMITTED' | 'REJECTED' }>;

/** What rerequests need around them. */
export interface RerequestsSurroundings<T> {
  values: Values<T>;
  environment: Environment;
  retry: BackoffRange;
  nextRequest(): number;
  send(message: ClientMessage): void;
  online(): boolean;
  /** A consumer waits for what has not been received. */
  waiting(): void;
  find: RangeReaderSurroundings<T>['find'];
}

/** All rerequests of a client, and which request on the wire belongs to which. */
export class Rerequests<T> {
  readonly #surroundings: RerequestsSurroundings<T>;
  readonly #readers = new Set<RangeReader<T>>();
  readonly #byRequest = new Map<number, RangeReader<T>>();

  constructor(surroundings: RerequestsSurroundings<T>) {
    this.#surroundings = surroundings;
  }

  /** Whether a consumer waits for what has not been received. */
  get waiting(): boolean {
    for (const reader of this.#readers) if (reader.waiting) return true;
    return false;
  }

  add(options: RerequestOptions): RangeReader<T> {
    const { values, environment, retry, online, waiting, find, nextRequest, send } = this.#surroundings;
    const reader: RangeReader<T> = new RangeReader(options, {
      values,
      backoff: new Backoff(retry, environment.random),
      schedule: environment.schedule,
      online,
      waiting,
      find,
      ask: (piece) => {
        const request = nextRequest();
        this.#byRequest.set(request, reader);
        send({ type: 'REREQUEST', request, ...piece });
      },
    });
    this.#sweep();
    this.#readers.add(reader);
    reader.start();
    return reader;
  }

  connected(): void {
    for (const reader of this.#readers) reader.advance();
  }

  disconnected(): void {
    this.#byRequest.clear();
    this.#sweep();
    for (const reader of this.#readers) reader.disconnected();
  }

  fail(error?: LatecomerError): void {
    for (const reader of this.#readers) if (!reader.closed) reader.fail(error);
    this.#readers.clear();
  }

  /** A RETRANSMISSION frame. */
  block(frame: Buffer): void {
    const { log: request } = readBlockHeader(frame);
    const reader = this.#byRequest.get(request);
    if (reader === undefined) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `retransmission for request ${request}, which is not outstanding`);
    }
    reader.block(frame);
  }

  /** @returns whether the answer was to a rerequest */
  answer(message: Answer): boolean {
    if (message.request === undefined) return false;
    const reader = this.#byRequest.get(message.request);
    if (reader === undefined) return false;
    if (message.type !== 'LOST') this.#byRequest.delete(message.request);
    reader.answer(message);
    return true;
  }

  /** Forget readers that are closed; a closed one may still have an answer coming, which `#byRequest` keeps. */
  #sweep(): void {
    for (const reader of this.#readers) if (reader.closed) this.#readers.delete(reader);
  }
}
