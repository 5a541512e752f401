import type { ClientMessage, MemberSummary, Rolled, SessionReport, SessionSummary } from '../protocol/index.js';
import { Backoff } from './backoff.js';
import type {
  CatalogueOptions,
  ClientEvents,
  DiscardOptions,
  PublishOptions,
  RequestOptions,
  RollOptions,
  ServerFacts,
  SessionOptions,
} from './client-types.js';
import type { LoggedIn } from './connection.js';
import { Emitter } from './emitter.js';
import type { Environment } from './environment.js';
import { LatecomerError } from './errors.js';
import { Link } from './link.js';
import { loginOf, type Settings } from './options.js';
import type { Acknowledgement } from './publication.js';
import { Publisher } from './publisher.js';
import { quiet } from './quiet.js';
import { ReceiveBudget } from './receive-budget.js';
import { Requests } from './requests.js';
import type { Rerequest, RerequestOptions } from './rerequest.js';
import { Rerequests } from './rerequests.js';
import { Router } from './router.js';
import { ServerRequests } from './server-requests.js';
import type { SubscribeOptions, Subscription } from './subscription.js';
import { Subscriptions } from './subscriptions.js';

/** Waits between attempts at what the server asked to be tried again. */
const retry = { firstMs: 20, maxMs: 1_000 };

/**
 * A connection to a Latecomer server that repairs itself: publishes, subscriptions and requests survive a reconnect.
 * Made by {@link connect}. No promise of it causes an unhandled rejection.
 */
export class Client<T = Uint8Array> extends Emitter<ClientEvents> {
  readonly #settings: Settings<T>;
  readonly #environment: Environment;
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #requests: Requests;
  readonly #serverRequests: ServerRequests;
  readonly #subscriptions: Subscriptions<T>;
  readonly #rerequests: Rerequests<T>;
  readonly #router: Router<T>;
  readonly #budget: ReceiveBudget;
  #lastRequest = 0;
  #ended: LatecomerError | undefined;
  #closing: Promise<void> | undefined;
  #server: ServerFacts | undefined;

  /** Starts connecting; use {@link connect}. */
  constructor(settings: Settings<T>, environment: Environment) {
    super();
    this.#settings = settings;
    this.#environment = environment;
    const { values } = settings;
    const nextRequest = (): number => {
      this.#lastRequest += 1;
      return this.#lastRequest;
    };
    const send = (message: ClientMessage): void => this.#link.send(message);
    const waiting = (): void => this.#budget.owe();
    const online = (): boolean => this.#link.online;
    this.#publisher = new Publisher({
      queueBytesMax: settings.publishQueueBytesMax,
      backoff: new Backoff(retry, environment.random),
      schedule: environment.schedule,
      write: (parts) => this.#link.write(parts),
      postponed: (error) => this.emit('postponed', error),
      drop: (error) => this.#link.drop(error),
    });
    this.#requests = new Requests({ nextRequest, send });
    this.#subscriptions = new Subscriptions({
      values,
      environment,
      retry,
      nextRequest,
      send,
      online,
      waiting,
      held: (bytes) => this.#budget.held(bytes),
    });
    this.#serverRequests = new ServerRequests({
      requests: this.#requests,
      owe: waiting,
    });
    const find = (of: SessionOptions) => this.#serverRequests.session(of);
    this.#rerequests = new Rerequests({ values, environment, retry, nextRequest, send, online, waiting, find });
    this.#budget = new ReceiveBudget({
      bytesMax: settings.receiveBytesMax,
      owed: () =>
        this.#publisher.owed || this.#requests.owed || this.#subscriptions.waiting || this.#rerequests.waiting,
      pause: () => this.#link.pause(),
      resume: () => this.#link.resume(),
      shed: () => this.#subscriptions.shed(),
    });
    this.#router = new Router({
      publisher: this.#publisher,
      requests: this.#requests,
      subscriptions: this.#subscriptions,
      rerequests: this.#rerequests,
    });
    this.#link = this.#connect();
  }

  /** The identity under which this client publishes; blank for one that only reads. */
  get publisher(): string {
    return this.#settings.publisher;
  }

  /** What the server said of itself at the last login. */
  get server(): ServerFacts | undefined {
    return this.#server;
  }

  /**
   * Publish one message, or several (an array) that are written together or not at all; a value that is itself an array
   * goes inside another. Keep the payloads unchanged until it
   * resolves. Order is the order of the calls.
   * @returns resolves when the messages are durable
   * @throws LatecomerError what the server refused it with, `ERR_PUBLISH_TOO_LARGE`, `ERR_QUEUE_FULL`, `ERR_ABORTED`,
   *   `ERR_CLOSED`; the outcome is unknown after the last two, and known to be nothing after the others
   */
  publish(messages: T | readonly T[], options: PublishOptions = {}): Promise<Acknowledgement> {
    const list = Array.isArray(messages) ? (messages as readonly T[]) : [messages as T];
    if (list.length === 0) throw new TypeError('publish of no message');
    if (this.publisher === '') throw new TypeError('publish by a client that was connected with publisher: false');
    const payloads = list.map((message) => this.#settings.values.encode(message));
    const acknowledged = this.#publisher.publish(payloads, options.session ?? '', options.signal);
    this.#budget.owe();
    return acknowledged;
  }

  /** Resolves when less than 1 MiB waits to be sent: the moment to publish more. It resolves at the client's end too. */
  room(): Promise<void> {
    return this.#publisher.room();
  }

  /** Read a session from a position on. What goes wrong is thrown by the iterator. */
  subscribe(options: SubscribeOptions = {}): Subscription<T> {
    const reader = this.#subscriptions.add(options);
    if (this.#ended) reader.fail(this.#ended);
    return reader;
  }

  /** Have a range of messages sent again. What goes wrong is thrown by the iterator. */
  rerequest(options: RerequestOptions): Rerequest<T> {
    if (!(options.from >= 1 && options.to >= options.from)) {
      throw new RangeError(`rerequest of [${options.from}..${options.to}]: expected 1 ≤ from ≤ to`);
    }
    const reader = this.#rerequests.add(options);
    if (this.#ended) reader.fail(this.#ended);
    return reader;
  }

  /** The catalogue of sessions, newest last, or a part of it. */
  sessions(options: CatalogueOptions = {}): Promise<SessionSummary[]> {
    return quiet(this.#serverRequests.sessions(options));
  }

  /**
   * One session of the catalogue: by its name, `S01` for the first one of today, or blank for the active one, or the newest
   * when none is active. It may have been removed.
   * @throws LatecomerError `ERR_UNKNOWN_SESSION`, `ERR_NO_SESSION` when there is none at all yet
   */
  session(options: SessionOptions): Promise<SessionSummary> {
    return quiet(this.#serverRequests.session(options));
  }

  /**
   * End a session and start the one behind it: publishers go on, into the next one; subscriptions end, or follow. It is
   * done once, also when the connection breaks meanwhile.
   * @throws LatecomerError `ERR_TOO_MANY_SESSIONS` when the day has had all it can have, `ERR_UNKNOWN_SESSION`
   */
  roll(options: RollOptions): Promise<Rolled> {
    return quiet(this.#serverRequests.roll(options));
  }

  /**
   * Mark a session that has ended as not to be used: it is kept and served as before, its subscribers are told. Done again,
   * it changes nothing.
   * @returns its line of the catalogue
   * @throws LatecomerError `ERR_SESSION_ACTIVE` when it has to be rolled instead, `ERR_UNKNOWN_SESSION`
   */
  discard(options: DiscardOptions): Promise<SessionSummary> {
    return quiet(this.#serverRequests.discard(options));
  }

  /** Live state of the server, for people to read. */
  inspect(options: RequestOptions = {}): Promise<Record<string, unknown>> {
    return quiet(this.#serverRequests.inspect(options));
  }

  /** The members of a group, or of all groups: whether each is there, how far it is, and since when. */
  members(options: { group?: string } & RequestOptions = {}): Promise<MemberSummary[]> {
    return quiet(this.#serverRequests.members(options));
  }

  /** Have a session that has ended written to a file in the server's archive directory; resolves when it is on disk. */
  archive(options: SessionOptions): Promise<SessionReport> {
    return quiet(this.#serverRequests.report('archive', options));
  }

  /** Have a session brought back from the server's archive directory, in an epoch of its own. */
  restore(options: SessionOptions): Promise<SessionReport> {
    return quiet(this.#serverRequests.report('restore', options));
  }

  /** Have all of a session read from the server's disk; the report says what is lost. */
  verify(options: SessionOptions): Promise<SessionReport> {
    return quiet(this.#serverRequests.report('verify', options));
  }

  /**
   * Wait for outstanding acknowledgements, no longer than `closeMs`, then disconnect. Iterators end; what is still
   * outstanding is rejected with `ERR_CLOSED`. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#subscriptions.fail();
    this.#rerequests.fail();
    this.#budget.open();
    let cancel = (): void => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#environment.schedule(this.#settings.closeMs, resolve);
    });
    if (this.#ended === undefined) await Promise.race([this.#publisher.idle(), deadline]);
    cancel();
    this.#link.stop();
    this.#end(new LatecomerError('ERR_CLOSED', 'the client was closed'));
  }

  #connect(): Link {
    const { host, port, connectMs, reconnect } = this.#settings;
    const login = loginOf(this.#settings);
    const events = {
      connected: (answer: LoggedIn) => this.#onConnected(answer),
      disconnected: (error: LatecomerError, retryMs: number) => this.#onDisconnected(error, retryMs),
      frame: (frame: Buffer, type: number) => this.#router.frame(frame, type),
      failed: (error: LatecomerError) => {
        this.#end(error);
        this.emit('error', error);
      },
    };
    return new Link({ host, port, login, connectMs }, reconnect, events, this.#environment);
  }

  #onConnected(answer: LoggedIn): void {
    const { server, source, durability } = answer;
    this.#server = { server, source, durability };
    this.#publisher.connected(answer);
    this.#requests.connected();
    this.#subscriptions.connected();
    this.#rerequests.connected();
    this.emit('connected', this.#server);
  }

  #onDisconnected(error: LatecomerError, retryMs: number): void {
    this.#budget.disconnected();
    this.#publisher.disconnected();
    this.#subscriptions.disconnected();
    this.#rerequests.disconnected();
    this.emit('disconnected', { error, retryMs });
  }

  #end(error: LatecomerError): void {
    this.#ended ??= error;
    this.#publisher.fail(error);
    this.#requests.fail(error);
    this.#subscriptions.fail(error);
    this.#rerequests.fail(error);
  }
}
