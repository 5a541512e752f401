import type { ClientMessage, ServerMessage } from '../protocol/index.js';
import { Backoff, type BackoffRange } from './backoff.js';
import type { Environment } from './environment.js';
import { LatecomerError, reportedError } from './errors.js';
import type { LogReader } from './log-reader.js';

/**
 * `waiting` – the server is to be asked; `requested` – it was, or goes on with the next session by itself;
 * `streaming` – it sends; `leaving` – it was told to stop, what still comes is dropped;
 * `crossed` – it was told to stop when it had just gone on with the next session: that one is to be left too.
 */
type State = 'waiting' | 'requested' | 'streaming' | 'leaving' | 'crossed';

type ServerMessageOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;

/** What a stream request needs around it. */
export interface StreamRequestSurroundings {
  environment: Environment;
  retry: BackoffRange;
  nextRequest(): number;
  send(message: ClientMessage): void;
  online(): boolean;
}

/** By which numbers the server's messages name a stream request, on this connection. */
export interface StreamRoutes<T> {
  byRequest: Map<number, StreamRequest<T>>;
  byLog: Map<number, StreamRequest<T>>;
}

/** What the server knows of one reader on this connection: asks for it, has it sent, ends it, asks again. */
export class StreamRequest<T> {
  readonly reader: LogReader<T>;
  readonly #surroundings: StreamRequestSurroundings;
  readonly #routes: StreamRoutes<T>;
  readonly #backoff: Backoff;
  #state: State = 'waiting';
  #request = 0;
  /** Its log while `streaming` or `leaving`. */
  #log: number | undefined;
  /** Told to stop because its consumer is slow: asked for again when the consumer has caught up. */
  #shed = false;
  #cancelRetry: () => void = () => {};

  constructor(reader: LogReader<T>, routes: StreamRoutes<T>, surroundings: StreamRequestSurroundings) {
    this.reader = reader;
    this.#routes = routes;
    this.#surroundings = surroundings;
    this.#backoff = new Backoff(surroundings.retry, surroundings.environment.random);
  }

  get streaming(): boolean {
    return this.#state === 'streaming';
  }

  /** Whether the server is still to end it although its reader was closed. */
  get closedIsLeaving(): boolean {
    return this.#state === 'leaving' && this.reader.closed;
  }

  /** Ask the server, unless it has been asked, cannot be, or its consumer has to catch up first. */
  ask(): void {
    if (this.#state !== 'waiting' || this.#shed || !this.#surroundings.online()) return;
    this.#cancelRetry();
    this.#request = this.#surroundings.nextRequest();
    this.#state = 'requested';
    this.#routes.byRequest.set(this.#request, this);
    this.#surroundings.send({ type: 'SUBSCRIBE', ...this.reader.request(this.#request) });
  }

  /** The server has forgotten it. */
  disconnected(): void {
    this.#cancelRetry();
    this.#forget();
  }

  /** Have the server stop until the consumer has caught up. */
  shed(): void {
    this.#shed = true;
    this.#leave();
  }

  /** The consumer has caught up. */
  drained(): void {
    if (!this.#shed) return;
    this.#shed = false;
    this.ask();
  }

  /** The reader wants nothing more. */
  closed(): void {
    this.#cancelRetry();
    if (this.#state === 'streaming') this.#leave();
  }

  subscribed(message: ServerMessageOf<'SUBSCRIBED'>): void {
    const isUnwanted = this.#state === 'crossed' || this.reader.closed;
    this.#state = 'streaming';
    this.#log = message.log;
    this.#routes.byLog.set(message.log, this);
    if (isUnwanted) this.#leave();
    else this.#deliver(() => this.reader.subscribed(message));
  }

  /** @param inTheWay whether the server still has a subscription to the log, which it is about to end */
  rejected(message: ServerMessageOf<'REJECTED'>, inTheWay: boolean): void {
    if (this.#state === 'crossed') {
      this.#left();
      return;
    }
    this.#forget();
    if (this.reader.closed) return;
    const isTransient = message.code === 'ERR_ALREADY_SUBSCRIBED' && inTheWay;
    this.#failOrRetry(isTransient ? { ...message, remedy: 'retry' } : message);
  }

  reset(message: ServerMessageOf<'RESET'>): void {
    this.#forget();
    this.reader.reset(message);
  }

  /** Asked for, or, with a code, how the server ends a subscription that it cannot go on with. */
  unsubscribed(message: ServerMessageOf<'UNSUBSCRIBED'>): void {
    const { code, message: text = 'the server ended the subscription', remedy = 'retry' } = message;
    if (this.reader.closed || this.#state === 'leaving' || code === undefined) {
      this.#left();
    } else {
      this.#forget();
      this.#failOrRetry({ code, message: text, remedy });
    }
  }

  /** Something for the consumer; dropped unless it streams. */
  progress(step: (reader: LogReader<T>) => void): void {
    if (this.#state === 'streaming') this.#deliver(() => step(this.reader));
  }

  /** Messages for the consumer: the server can do it, so the next wait is the first one again. */
  messages(step: (reader: LogReader<T>) => void): void {
    if (this.#state === 'streaming') this.#backoff.reset();
    this.progress(step);
  }

  ended(message: ServerMessageOf<'END_OF_SESSION'>): void {
    const goesOn = this.reader.follows && message.next !== undefined;
    // The server's subscription is over either way; one that was leaving asks again and is told again.
    if (this.#state !== 'streaming') {
      if (goesOn) this.#awaitNext('crossed');
      else this.#left();
      return;
    }
    if (goesOn) this.#awaitNext('requested');
    else this.#forget();
    this.#deliver(() => this.reader.ended(message));
  }

  /** The server answers the same request once more, for the session behind. */
  #awaitNext(state: 'requested' | 'crossed'): void {
    this.#routes.byLog.delete(this.#log!);
    this.#log = undefined;
    this.#state = state;
  }

  /** What may be tried again is, where the reader stands; a position that does not exist yet is for the caller to judge. */
  #failOrRetry(report: Parameters<typeof reportedError>[0]): void {
    if (report.remedy === 'never' || report.code === 'ERR_BEYOND_NEXT') {
      this.reader.fail(reportedError(report));
      return;
    }
    this.#cancelRetry = this.#surroundings.environment.schedule(this.#backoff.next(), () => this.ask());
  }

  #leave(): void {
    this.#state = 'leaving';
    this.#surroundings.send({ type: 'UNSUBSCRIBE', log: this.#log! });
  }

  #left(): void {
    this.#forget();
    if (!this.reader.closed) this.ask();
  }

  /** The server has no subscription for it any more. */
  #forget(): void {
    this.#routes.byRequest.delete(this.#request);
    if (this.#log !== undefined) this.#routes.byLog.delete(this.#log);
    this.#log = undefined;
    this.#state = 'waiting';
  }

  /** What does not follow what came before ends that one subscription, loudly. */
  #deliver(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof LatecomerError)) throw error;
      this.reader.fail(error);
    }
  }
}
