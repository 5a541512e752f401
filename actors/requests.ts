import {
  type ClientMessage,
  decodeClientMessage,
  type ErrorCode,
  errorCodes,
  FrameType,
  frameType,
  ProtocolError,
} from '../protocol/index.js';
import type { Connection, ConnectionContext, ConnectionListener } from './connection.js';
import { ConnectionSubscriptions, requestMs, type SubscribeContext } from './connection-subscriptions.js';
import type { Framing } from './framing.js';
import { GroupRequests } from './groups/group-requests.js';
import type { Origin } from './origin.js';
import type { PublishBudget } from './publish-window.js';
import { Publishing } from './publishing.js';
import { answerTo, type Question } from './questions.js';
import { type Rerequest, Rerequests } from './rerequests.js';
import type { Login } from './session-handler.js';

/** What the requests of a connection need of the process they are in. */
export interface RequestContext extends SubscribeContext {
  origin: Origin;
  budget: PublishBudget;
  /** Cuts blocks for participants who want one message per frame. */
  singles: Framing;
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
  /** A connection that only publishes has none. */
  #subscriptions: ConnectionSubscriptions | undefined;
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
    this.#subscriptions?.drained();
    this.#groups?.drained();
    this.#rerequests?.drained();
  }

  closed(): void {
    this.#publishing?.close();
    this.#subscriptions?.closed();
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
    if (login.subscribe)
      await this.#attempt(login.subscribe, () => this.#ofSubscriptions().subscribe(login.subscribe!));
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
        return this.#attempt(message, () => this.#ofSubscriptions().subscribe(message));
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
        return this.#attempt(message, () =>
          this.#group().command(message, (log) => this.#subscriptions?.has(log) === true),
        );
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

  /** As {@link #attempt}, when nobody waits for it. @param what it is, for the message of an error nobody expects */
  #attemptAlone(requested: Requested, what: string, work: () => Promise<void>): void {
    this.#attempt(requested, work).catch((error: Error) =>
      this.#reject(requested.request, 'ERR_INTERNAL', `${what} failed: ${error.message}`),
    );
  }

  #reject(request: number, code: ErrorCode, message: string): void {
    this.#connection.refused(code, message);
    this.#connection.send({ type: 'REJECTED', request, code, message, remedy: errorCodes[code] });
  }

  #ofSubscriptions(): ConnectionSubscriptions {
    this.#subscriptions ??= new ConnectionSubscriptions(this.#connection, this.#context, {
      source: this.#source,
      client: this.#client ?? '',
      isTaken: (log) => this.#groups?.has(log) === true,
      attempt: (request, what, work) => this.#attemptAlone(request, what, work),
    });
    return this.#subscriptions;
  }

  async #unsubscribe(log: number): Promise<void> {
    await this.#subscriptions?.stop(log);
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
    this.#attemptAlone(message, message.action, () => this.#answer(message));
  }
}
