import {
  type ClientMessage,
  decodeClientMessage,
  type ErrorCode,
  errorCodes,
  FrameType,
  frameType,
  limits,
  ProtocolError,
  type SubscribeBody,
} from '../protocol/index.js';
import type { Connection, ConnectionContext, ConnectionListener } from './connection.js';
import type { Framing } from './framing.js';
import { GroupRequests } from './groups/group-requests.js';
import type { Origin } from './origin.js';
import type { PublishBudget } from './publish-window.js';
import { Publishing } from './publishing.js';
import { answerTo, type Question } from './questions.js';
import { type Rerequest, Rerequests } from './rerequests.js';
import type { Ref } from './runtime/index.js';
import type { Login, SessionHandlerProtocol } from './session-handler.js';
import type { OpenSubscription, SubscriptionStart } from './subscription.js';

/** Milliseconds a request may take inside the server before its connection is closed with ERR_INTERNAL. */
const requestMs = 60_000;

/** What the requests of a connection need of the process they are in. */
export interface RequestContext {
  origin: Origin;
  sessionHandler: Ref<SessionHandlerProtocol>;
  budget: PublishBudget;
  /** Cuts blocks for participants who want one message per frame. */
  singles: Framing;
  /** Start a subscription; it lives until it ends or is stopped. */
  subscribe(start: SubscriptionStart): Promise<OpenSubscription>;
  /** Do this soon: {@link ConnectionContext.defer}. */
  defer: ConnectionContext['defer'];
  /** The connection has sent its LOGIN. */
  loggingIn(connection: Connection): void;
  /** The connection has gone, and all it had running has been stopped. */
  gone(connection: Connection): void;
}

/** A request that failed without harm to the connection. */
type Requested = { request: number };

/** What one client asks for over one connection, and what it has running. */
export class Requests implements ConnectionListener {
  readonly #connection: Connection;
  readonly #context: RequestContext;
  readonly #subscriptions = new Map<number, OpenSubscription>();
  /** Logs of those that have not begun: one that follows on holds up no other request. */
  readonly #beginning = new Map<number, Promise<unknown>>();
  #publishing: Publishing | undefined;
  #rerequests: Rerequests | undefined;
  #groups: GroupRequests | undefined;
  /** Name the client gave itself; unset before the login. */
  #client: string | undefined;
  #source = '';

  constructor(connection: Connection, context: RequestContext) {
    this.#connection = connection;
    this.#context = context;
  }

  frame(frame: Buffer): Promise<void> | void {
    const publish = frameType(frame) === FrameType.PUBLISH;
    if (this.#client === undefined) return this.#beforeLogin(frame, publish);
    if (publish) return this.#publish(frame);
    return this.#message(decodeClientMessage(frame));
  }

  drained(): void {
    for (const subscription of this.#subscriptions.values()) subscription.drained();
    this.#rotate();
    this.#groups?.drained();
    this.#rerequests?.drained();
  }

  /** One that takes all the room there is, each time, must not be the first to be asked each time. */
  #rotate(): void {
    const [first] = this.#subscriptions;
    if (!first) return;
    this.#subscriptions.delete(first[0]);
    this.#subscriptions.set(...first);
  }

  closed(): void {
    this.#publishing?.close();
    for (const subscription of this.#subscriptions.values()) subscription.stop();
    this.#subscriptions.clear();
    this.#groups?.closed();
    this.#rerequests?.stop();
    this.#context.gone(this.#connection);
  }

  #publish(frame: Buffer): void {
    if (this.#publishing) return this.#publishing.publish(frame);
    throw new ProtocolError('ERR_NOT_A_PUBLISHER', 'PUBLISH needs a LOGIN with a publisher id');
  }

  #beforeLogin(frame: Buffer, publish: boolean): Promise<void> {
    const message = publish ? undefined : decodeClientMessage(frame);
    if (message?.type !== 'LOGIN') {
      throw new ProtocolError('ERR_LOGIN_REQUIRED', `the first frame is LOGIN; found ${message?.type ?? 'PUBLISH'}`);
    }
    this.#context.loggingIn(this.#connection);
    return this.#logIn(message);
  }

  /** The logins of a crowd may be read all in one turn, and each takes its part of a millisecond. */
  async #logIn(login: Login): Promise<void> {
    await new Promise<void>((resolve) => this.#context.defer(resolve));
    const { sessionHandler } = this.#context;
    const loggedIn = await sessionHandler.ask('login', { login }, { timeoutMs: requestMs });
    this.#source = loggedIn.source;
    if (login.publisher) loggedIn.published = await this.#openPublisher(login.publisher, login);
    if (this.#connection.closing) return;
    this.#client = login.client ?? '';
    this.#connection.loginAccepted();
    this.#connection.send(loggedIn);
    if (login.subscribe) await this.#attempt(login.subscribe, () => this.#subscribe(login.subscribe!));
  }

  /** @returns its last number on record */
  #openPublisher(publisher: string, { durability = 'os' }: Login): Promise<number> {
    const { origin, budget } = this.#context;
    this.#publishing = new Publishing(this.#connection, budget);
    return this.#publishing.open(origin, { source: this.#source, publisher, durability });
  }

  #message(message: ClientMessage): Promise<void> | void {
    switch (message.type) {
      case 'LOGIN':
        throw new ProtocolError('ERR_ALREADY_LOGGED_IN', 'LOGIN is sent once, as the first frame of a connection');
      case 'HEARTBEAT':
        return undefined;
      case 'SUBSCRIBE':
        return this.#attempt(message, () => this.#subscribe(message));
      case 'UNSUBSCRIBE':
        return this.#unsubscribe(message.log);
      case 'REREQUEST':
        return this.#attempt(message, () => this.#rerequest(message));
      case 'SESSIONS':
      case 'MEMBERS':
      case 'ROLL':
      case 'DISCARD':
      case 'INSPECT':
        return this.#attempt(message, () => this.#answer(message));
      case 'ARCHIVE':
        return this.#archive(message);
      case 'GROUP':
        return this.#attempt(message, () => this.#group().command(message, (log) => this.#subscriptions.has(log)));
      case 'DELIVERED':
        return this.#groups?.delivered(message);
      default:
        return message satisfies never;
    }
  }

  /** A request that cannot be granted is rejected; the connection goes on. */
  async #attempt({ request }: Requested, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { code, message } = error;
      this.#reject(request, code, message);
    }
  }

  #reject(request: number, code: ErrorCode, message: string): void {
    this.#connection.refused(code, message);
    this.#connection.send({ type: 'REJECTED', request, code, message, remedy: errorCodes[code] });
  }

  /** @param followsOn it goes on from the session before */
  async #subscribe(request: SubscribeBody, followsOn = false): Promise<void> {
    const { sessionHandler } = this.#context;
    const asked = { request, source: this.#source, resumes: followsOn };
    const { session, decision } = await sessionHandler.ask('request', asked, { timeoutMs: requestMs });
    const { log, source, epoch, state, firstSeq, lastSeq } = session;
    const facts = { request: request.request, source, session: session.session, epoch, lastSeq };
    if (decision.action === 'reset') return this.#connection.send({ type: 'RESET', ...facts, firstSeq });
    this.#refuseSubscription(log, session.session);
    const from = decision.next;
    this.#connection.send({ type: 'SUBSCRIBED', ...facts, log, state, from });
    const begun = this.#context.subscribe({
      session,
      next: from,
      pull: decision.action === 'pull',
      client: this.#client ?? '',
      outlet: this.#connection,
      over: (end) => {
        this.#subscriptions.delete(log);
        if (request.follow && end?.next !== undefined) this.#followOn(request, source, end.next);
      },
    });
    const known = begun.then((subscription) => {
      if (this.#connection.closing) subscription.stop();
      else if (!subscription.over) this.#subscriptions.set(log, subscription);
    });
    this.#beginning.set(log, known);
    await known.finally(() => this.#beginning.delete(log));
  }

  /** The session of a subscription has ended: it goes on with the one behind it, from its first message. */
  #followOn({ request }: SubscribeBody, source: string, session: string): void {
    const next = { request, source, session, from: 1, follow: true };
    this.#attempt(next, () => this.#subscribe(next, true)).catch((error: Error) =>
      this.#reject(request, 'ERR_INTERNAL', `session ${session} could not be followed: ${error.message}`),
    );
  }

  #refuseSubscription(log: number, session: string): void {
    if (this.#subscriptions.has(log) || this.#beginning.has(log) || this.#groups?.has(log)) {
      throw new ProtocolError(
        'ERR_ALREADY_SUBSCRIBED',
        `this connection already has a subscription to session ${session} (log ${log})`,
      );
    }
    if (this.#subscriptions.size + this.#beginning.size >= limits.subscriptionsPerConnectionMax) {
      throw new ProtocolError(
        'ERR_TOO_MANY_SUBSCRIPTIONS',
        `this connection has ${this.#subscriptions.size} subscriptions, limit ${limits.subscriptionsPerConnectionMax}`,
      );
    }
  }

  /** One that has just ended by itself needs no error: its end and the request have crossed. */
  async #unsubscribe(log: number): Promise<void> {
    await this.#beginning.get(log)?.catch(() => {});
    this.#subscriptions.get(log)?.stop();
    this.#subscriptions.delete(log);
    this.#groups?.unsubscribe(log);
    this.#connection.send({ type: 'UNSUBSCRIBED', log });
  }

  #rerequest(message: Rerequest): Promise<void> {
    this.#rerequests ??= new Rerequests(this.#connection, this.#context.origin, (request, text) =>
      this.#reject(request, 'ERR_REWIND_FAILED', text),
    );
    return this.#rerequests.start(message, this.#source);
  }

  /** Few connections are those of participants. */
  #group(): GroupRequests {
    this.#groups ??= new GroupRequests(this.#connection, this.#context.origin, this.#context);
    return this.#groups;
  }

  async #answer(question: Question): Promise<void> {
    this.#connection.send(await answerTo(question, this.#source, this.#context.origin));
  }

  /** It may take hours: the connection goes on meanwhile. */
  #archive(message: Question & { type: 'ARCHIVE' }): void {
    const { request, action } = message;
    this.#attempt(message, () => this.#answer(message)).catch((error: Error) =>
      this.#reject(request, 'ERR_INTERNAL', `${action} failed: ${error.message}`),
    );
  }
}
