import { limits, ProtocolError, type SubscribeBody } from '../protocol/index.js';
import type { Connection } from './connection.js';
import type { Ref } from './runtime/index.js';
import type { SessionHandlerProtocol } from './session-handler.js';
import type { OpenSubscription, SubscriptionStart } from './subscription.js';

/** Milliseconds a request may take inside the server before its connection is closed with ERR_INTERNAL. */
export const requestMs = 60_000;

/** What the subscriptions of a connection need of the process they are in. */
export interface SubscribeContext {
  sessionHandler: Ref<SessionHandlerProtocol>;
  /** Start a subscription; it lives until it ends or is stopped. */
  subscribe(start: SubscriptionStart): Promise<OpenSubscription>;
}

/** What a {@link ConnectionSubscriptions} asks of the connection's other requests. */
export interface SubscribePorts {
  /** The source that is meant when none is named. */
  readonly source: string;
  /** Name the client gave itself. */
  readonly client: string;
  /** Whether something else of this connection is a stream of that log. */
  isTaken(log: number): boolean;
  /** Answer a request that nobody waits for: with what `work` sends, or with why it could not be done. */
  attempt(request: SubscribeBody, what: string, work: () => Promise<void>): void;
}

/** The subscriptions of one connection: at most one to a log, and how one goes on into the next session. */
export class ConnectionSubscriptions {
  readonly #connection: Connection;
  readonly #context: SubscribeContext;
  readonly #ports: SubscribePorts;
  /** By log. One that follows on into the next session holds up no other request while it begins. */
  readonly #open = new Map<number, OpenSubscription | Promise<OpenSubscription>>();

  constructor(connection: Connection, context: SubscribeContext, ports: SubscribePorts) {
    this.#connection = connection;
    this.#context = context;
    this.#ports = ports;
  }

  /** Whether there is one to that log. */
  has(log: number): boolean {
    return this.#open.has(log);
  }

  /**
   * Answer a request for a subscription.
   * @throws ProtocolError when it is rejected
   */
  subscribe(request: SubscribeBody): Promise<void> {
    return this.#subscribe(request, false);
  }

  /** One that has just ended by itself needs no error: its end and the request have crossed. */
  async stop(log: number): Promise<void> {
    const subscription = this.#open.get(log);
    this.#open.delete(log);
    if (!subscription) return;
    if (isBegun(subscription)) return subscription.stop();
    // Why it could not begin is told to whoever has asked for it.
    await subscription.then((begun) => begun.stop()).catch(() => {});
  }

  /** The connection's queue is short again. */
  drained(): void {
    for (const subscription of this.#open.values()) if (isBegun(subscription)) subscription.drained();
    this.#rotate();
  }

  /** The connection has gone. */
  closed(): void {
    for (const subscription of this.#open.values()) if (isBegun(subscription)) subscription.stop();
    this.#open.clear();
  }

  /** One that takes all the room there is, each time, must not be the first to be asked each time. */
  #rotate(): void {
    const [first] = this.#open;
    if (!first) return;
    this.#open.delete(first[0]);
    this.#open.set(...first);
  }

  /** @param followsOn it goes on from the session before */
  async #subscribe(request: SubscribeBody, followsOn: boolean): Promise<void> {
    const asked = { request, source: this.#ports.source, resumes: followsOn };
    const { session, decision } = await this.#context.sessionHandler.ask('request', asked, { timeoutMs: requestMs });
    const { log, source, epoch, state, firstSeq, lastSeq } = session;
    const facts = { request: request.request, source, session: session.session, epoch, lastSeq };
    if (decision.action === 'reset') return this.#connection.send({ type: 'RESET', ...facts, firstSeq });
    this.#refuse(log, session.session);
    const from = decision.next;
    this.#connection.send({ type: 'SUBSCRIBED', ...facts, log, state, from });
    const begun = this.#context.subscribe({
      session,
      next: from,
      pull: decision.action === 'pull',
      client: this.#ports.client,
      outlet: this.#connection,
      over: (end) => {
        this.#open.delete(log);
        if (request.follow && end?.next !== undefined) this.#followOn(request, source, end.next);
      },
    });
    this.#open.set(log, begun);
    try {
      const subscription = await begun;
      if (this.#connection.closing) subscription.stop();
      // It may be over already, or not be wanted any more.
      else if (this.#open.get(log) === begun) this.#open.set(log, subscription);
    } catch (error) {
      this.#open.delete(log);
      throw error;
    }
  }

  /** The session of a subscription has ended: it goes on with the one behind it, from its first message. */
  #followOn({ request }: SubscribeBody, source: string, session: string): void {
    const next = { request, source, session, from: 1, follow: true };
    this.#ports.attempt(next, `following on to session ${session}`, () => this.#subscribe(next, true));
  }

  #refuse(log: number, session: string): void {
    if (this.has(log) || this.#ports.isTaken(log)) {
      throw new ProtocolError(
        'ERR_ALREADY_SUBSCRIBED',
        `this connection already has a subscription to session ${session} (log ${log})`,
      );
    }
    if (this.#open.size >= limits.subscriptionsPerConnectionMax) {
      throw new ProtocolError(
        'ERR_TOO_MANY_SUBSCRIPTIONS',
        `this connection has ${this.#open.size} subscriptions, limit ${limits.subscriptionsPerConnectionMax}`,
      );
    }
  }
}

function isBegun(subscription: OpenSubscription | Promise<OpenSubscription>): subscription is OpenSubscription {
  return !(subscription instanceof Promise);
}
