import { decodeServerMessage } from '../../protocol/index.js';
import { Backoff } from '../backoff.js';
import { Connection, type ConnectionOptions } from '../connection.js';
import type { Environment } from '../environment.js';
import { LatecomerError } from '../errors.js';
import type { Acknowledgement } from '../publication.js';
import { Publisher } from '../publisher.js';
import { noLaterThan } from './no-later-than.js';

/** What a group publisher needs around it. */
export interface GroupPublisherSurroundings {
  /** With the group and the participant's id in its login. */
  server: ConnectionOptions;
  environment: Environment;
  queueBytesMax: number;
}

/** Waits between attempts to connect, and to send again what was refused for now. */
const retry = { firstMs: 20, maxMs: 1_000 };
/** A connection on which nothing is owed is kept this long for the next message. */
const idleMs = 1_000;

/** The participant is away: it will be there again, or it gives up and says so here. */
const awayCodes: ReadonlySet<string> = new Set(['ERR_NOT_CONNECTED', 'ERR_NOT_REGISTERED']);

/**
 * Sends what a participant sends, each message once, over a connection that is there while something is owed and the
 * participant is connected: the server takes it from nobody else.
 */
export class GroupPublisher {
  readonly #surroundings: GroupPublisherSurroundings;
  readonly #backoff: Backoff;
  #publisher: Publisher;
  #connection: Connection | undefined;
  #isOnline = false;
  /** The next attempt to connect, or the end of a connection that is idle. */
  #cancelTimer: () => void = () => {};

  constructor(surroundings: GroupPublisherSurroundings) {
    this.#surroundings = surroundings;
    this.#backoff = new Backoff(retry, surroundings.environment.random);
    this.#publisher = this.#newPublisher();
  }

  /** Resolves when the message is durable. */
  publish(payloads: readonly Uint8Array[], signal?: AbortSignal): Promise<Acknowledgement> {
    const acknowledged = this.#publisher.publish(payloads, '', signal);
    this.#open();
    return acknowledged;
  }

  /** Resolves when nothing is owed, or after so long; never rejects. */
  async idle(deadlineMs: number): Promise<void> {
    await noLaterThan(deadlineMs, this.#publisher.idle(), this.#surroundings.environment);
  }

  /** The participant is connected: what is owed can be sent. */
  online(): void {
    this.#isOnline = true;
    this.#open();
  }

  /** The participant is away for a while. */
  offline(): void {
    this.#isOnline = false;
    this.#cancelTimer();
    this.#connection?.close(
      new LatecomerError('ERR_NOT_CONNECTED', 'the participant is away', { remedy: 'reconnect' }),
    );
  }

  /** The participant is gone: what is still owed fails with the error. */
  end(error: LatecomerError): void {
    this.offline();
    this.#fail(error);
  }

  #newPublisher(): Publisher {
    const { environment, queueBytesMax } = this.#surroundings;
    return new Publisher({
      queueBytesMax,
      backoff: new Backoff(retry, environment.random),
      schedule: environment.schedule,
      write: (parts) => this.#connection?.write(parts),
      postponed: () => {},
      drop: (error) => this.#connection?.close(error),
    });
  }

  /** What is owed fails; what is sent later is another attempt. */
  #fail(error: LatecomerError): void {
    const failing = this.#publisher;
    this.#publisher = this.#newPublisher();
    failing.fail(error);
  }

  #open(): void {
    if (!this.#isOnline || !this.#publisher.owed) return;
    this.#cancelTimer();
    if (this.#connection) return;
    const { server, environment } = this.#surroundings;
    this.#connection = Connection.dial(
      server,
      {
        loggedIn: (answer) => {
          this.#backoff.reset();
          this.#publisher.connected(answer);
        },
        frame: (frame) => this.#onFrame(frame),
        closed: (error) => this.#onClosed(error),
      },
      environment.schedule,
    );
  }

  #onFrame(frame: Buffer): void {
    const message = decodeServerMessage(frame);
    if (message.type === 'ACKNOWLEDGED') this.#publisher.acknowledged(message);
    if (message.type === 'REFUSED') {
      this.#publisher.refused(awayCodes.has(message.code) ? { ...message, remedy: 'reconnect' } : message);
    }
    if (!this.#publisher.owed) this.#closeLater();
  }

  #closeLater(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#surroundings.environment.schedule(idleMs, () => {
      this.#connection?.close(new LatecomerError('ERR_CLOSED', 'nothing is owed', { remedy: 'reconnect' }));
    });
  }

  #onClosed(error: LatecomerError): void {
    this.#connection = undefined;
    this.#cancelTimer();
    this.#publisher.disconnected();
    if (error.remedy === 'never' && !awayCodes.has(error.code)) this.#fail(error);
    else if (this.#isOnline && this.#publisher.owed) {
      this.#cancelTimer = this.#surroundings.environment.schedule(this.#backoff.next(), () => this.#open());
    }
  }
}
