import type { ClientMessage } from '../protocol/index.js';
import { Backoff } from './backoff.js';
import { Connection, type ConnectionOptions, type LoggedIn } from './connection.js';
import type { Environment } from './environment.js';
import { LatecomerError } from './errors.js';
import type { ReconnectOptions } from './options.js';

/** What a link tells its owner. */
export interface LinkEvents {
  connected(answer: LoggedIn): void;
  /** The connection broke; another will be made after `retryMs`. */
  disconnected(error: LatecomerError, retryMs: number): void;
  frame(frame: Buffer, type: number): void;
  /** There will be no other connection. Comes at most once, and not after {@link Link.stop}. */
  failed(error: LatecomerError): void;
}

/** A connection that has held for this long proves that connecting works: the next break waits the first wait again. */
const stableMs = 1_000;

/** A connection that is made again, with back-off, whenever it breaks for a reason that allows it. */
export class Link {
  readonly #options: ConnectionOptions;
  readonly #reconnect: Required<ReconnectOptions> | false;
  readonly #events: LinkEvents;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  #connection: Connection;
  #online = false;
  /** Only a link that has been up is made again: a first attempt that fails is the caller's to know. */
  #everOnline = false;
  #stopped = false;
  #cancelTimer: () => void = () => {};

  constructor(
    options: ConnectionOptions,
    reconnect: Required<ReconnectOptions> | false,
    events: LinkEvents,
    environment: Environment,
  ) {
    this.#options = options;
    this.#reconnect = reconnect;
    this.#events = events;
    this.#environment = environment;
    this.#backoff = new Backoff(reconnect || { firstMs: 0, maxMs: 0 }, environment.random);
    this.#connection = this.#dial();
  }

  /** Whether a login has been answered and the connection still stands. */
  get online(): boolean {
    return this.#online;
  }

  send(message: ClientMessage): void {
    if (this.#online) this.#connection.send(message);
  }

  write(parts: readonly Buffer[]): void {
    if (this.#online) this.#connection.write(parts);
  }

  pause(): void {
    if (this.#online) this.#connection.pause();
  }

  resume(): void {
    if (this.#online) this.#connection.resume();
  }

  /** Give up this connection; whether another is made depends on the error's remedy. */
  drop(error: LatecomerError): void {
    this.#connection.close(error);
  }

  /** The end, by intent: nothing is reported after it. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#online = false;
    this.#cancelTimer();
    this.#connection.close(new LatecomerError('ERR_CLOSED', 'the client was closed'));
  }

  #dial(): Connection {
    return Connection.dial(
      this.#options,
      {
        loggedIn: (answer) => this.#onLoggedIn(answer),
        frame: (frame, type) => this.#events.frame(frame, type),
        closed: (error) => this.#onClosed(error),
      },
      this.#environment.schedule,
    );
  }

  #onLoggedIn(answer: LoggedIn): void {
    this.#online = true;
    this.#everOnline = true;
    this.#cancelTimer = this.#environment.schedule(stableMs, () => this.#backoff.reset());
    this.#events.connected(answer);
  }

  #onClosed(error: LatecomerError): void {
    if (this.#stopped) return;
    this.#online = false;
    this.#cancelTimer();
    const { attempts } = this.#backoff;
    if (!this.#everOnline || error.remedy === 'never') {
      this.#fail(error);
      return;
    }
    if (this.#reconnect === false) {
      this.#fail(error);
      return;
    }
    if (attempts >= this.#reconnect.attemptsMax) {
      const message = `gave up after ${attempts} attempts to reconnect; the last error: ${error.message}`;
      this.#fail(new LatecomerError('ERR_DISCONNECTED', message, { cause: error }));
      return;
    }
    const retryMs = this.#backoff.next();
    this.#cancelTimer = this.#environment.schedule(retryMs, () => {
      this.#connection = this.#dial();
    });
    this.#events.disconnected(error, retryMs);
  }

  #fail(error: LatecomerError): void {
    this.#stopped = true;
    this.#events.failed(error);
  }
}
