import { type Durability, encodePayloads, ProtocolError, type SessionSummary } from '../protocol/index.js';
import type { InputPosition, Log, Store } from '../storage/index.js';
import { type Fed, type Feed, InputFeeds } from './inputs/input-feeds.js';
import { LocalProducer } from './local-producer.js';
import type { Followed, OpenPublisher, PublisherLogin } from './origin.js';
import { PublishQueue } from './publish-queue.js';
import { Publisher, type PublisherOwner } from './publisher.js';
import { Actor, type Behaviour, Mailbox, type Ref } from './runtime/index.js';
import type { SubscriptionListProtocol } from './subscription-list.js';

/** What a Session understands. */
export type SessionProtocol = {
  /** Publish from inside the server; resolves when the messages are durable. */
  publish: [{ payloads: Uint8Array[] }, { session: string; firstSeq: number; count: number }];
  /** A batch of an input; resolves when its messages and its position are durable. */
  feed: [Feed, Fed];
  /** How far an input of this source is, once what it fed is settled. */
  inputPosition: [{ input: string }, InputPosition | undefined];
  /** A publisher's login. */
  openPublisher: [{ login: PublisherLogin; owner: PublisherOwner }, OpenPublisher];
  /** The first subscriber of a list attaches it: it is told of every commit. */
  attach: [{ list: Ref<SubscriptionListProtocol> }, Followed];
  /** The last subscriber of a list has left. */
  detach: [{ list: Ref<SubscriptionListProtocol> }, void];
  /** Nothing more is accepted; resolves when all that was accepted is settled. */
  close: [Record<string, never>, void];
  /** End the session after what is queued; followers are told when they have all of it. */
  endOfSession: [{ reason: string }, SessionSummary];
  inspect: [
    Record<string, never>,
    { session: string; queued: number; queuedBytes: number; publishers: number; lists: number },
  ];
};

/** What a Session is made of. */
export interface SessionParameters {
  store: Store;
  log: Log;
  /** Payload bytes at which an edge reads no more publishes; twice as many are queued at the most. */
  publishBytesMax: number;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** An active session: the queue of publishes in front of its log, its publishers, and the lists that follow it. */
export default class SessionActor
  extends Actor<SessionParameters, SessionProtocol>
  implements Behaviour<SessionProtocol>
{
  readonly #lists = new Set<Ref<SubscriptionListProtocol>>();
  readonly #publishers = new Map<string, Publisher>();
  readonly #local = new LocalProducer();
  readonly #logins = new Mailbox('the logins of a Session');
  #queue!: PublishQueue;
  #feeds!: InputFeeds;
  #refusal: ProtocolError | undefined;
  #ending: Promise<SessionSummary> | undefined;
  #stopWatching: (() => void) | undefined;

  override onStart(): void {
    const { log, store, clock, publishBytesMax } = this.parameters;
    // Connections are not read any more at publishBytesMax; the frame each of them has in hand then is not refused.
    const queueBytesMax = 2 * publishBytesMax;
    this.#queue = new PublishQueue(log, store.committer, clock, queueBytesMax, (seq) => this.#committed(seq));
    const active = () => ({ log, queue: this.#queue });
    this.#feeds = new InputFeeds({ store, active, refusal: () => this.#refusalFor('') });
    this.#stopWatching = store.onReopened(() => this.#reopened());
  }

  override onStop(): void {
    this.#stopWatching?.();
  }

  async publish({
    payloads,
  }: {
    payloads: Uint8Array[];
  }): Promise<{ session: string; firstSeq: number; count: number }> {
    const refusal = this.#refusalFor('');
    if (refusal) throw refusal;
    const { store } = this.parameters;
    const encoded = encodePayloads(payloads);
    const { log, firstSeq } = await this.#local.publish(this.#queue, encoded, store.durability);
    return { session: log.session, firstSeq, count: encoded.count };
  }

  feed(feed: Feed): Promise<Fed> {
    return this.#feeds.feed(feed);
  }

  inputPosition({ input }: { input: string }): Promise<InputPosition | undefined> {
    return this.#feeds.position(input);
  }

  /** One login after the other, so that the last one to come has the publisher. */
  openPublisher({ login, owner }: { login: PublisherLogin; owner: PublisherOwner }): Promise<OpenPublisher> {
    return this.#logins.run(() => this.#logIn(login, owner));
  }

  attach({ list }: { list: Ref<SubscriptionListProtocol> }): Followed {
    this.#lists.add(list);
    const { log } = this.parameters;
    return { ring: log.ring, head: log.lastSeq, ...this.#ended() };
  }

  detach({ list }: { list: Ref<SubscriptionListProtocol> }): void {
    this.#lists.delete(list);
    this.#releaseRing();
  }

  async close(): Promise<void> {
    this.#refusal ??= new ProtocolError(
      'ERR_SHUTTING_DOWN',
      'the server is shutting down; publish again after reconnecting',
    );
    await this.#queue.flushed();
  }

  /** Whoever asks while it ends gets the same answer. */
  endOfSession({ reason }: { reason: string }): Promise<SessionSummary> {
    this.#ending ??= this.#end(reason).finally(() => {
      this.#ending = undefined;
    });
    return this.#ending;
  }

  async #end(reason: string): Promise<SessionSummary> {
    const { log, store } = this.parameters;
    if (log.state === 'ended') return store.summary(log);
    const refusal = this.#refusal;
    this.#refusal = new ProtocolError('ERR_SESSION_ENDED', `session ${log.session} has ended: ${reason}`);
    await this.#queue.flushed();
    const summary = await store.endSession(log, reason).catch((error) => {
      this.#refusal = refusal;
      throw error;
    });
    this.#tellEnd(summary.lastSeq, reason);
    return summary;
  }

  /** What was in doubt may turn out to be written: messages, and the end of the session. */
  #reopened(): void {
    const { log } = this.parameters;
    const { end } = this.#ended();
    this.#committed(log.lastSeq);
    if (!end || this.#refusal?.code === 'ERR_SESSION_ENDED') return;
    this.#refusal = new ProtocolError('ERR_SESSION_ENDED', `session ${log.session} has ended: ${end.reason}`);
    this.#tellEnd(end.lastSeq, end.reason);
  }

  #tellEnd(lastSeq: number, reason: string): void {
    this.logger.info({ session: this.parameters.log.session, lastSeq, reason }, 'session ended');
    for (const list of this.#lists) list.tell('sessionEnded', { lastSeq, reason });
    this.#releaseRing();
  }

  /** An ended session that nobody follows is served from the log alone. */
  #releaseRing(): void {
    const { log } = this.parameters;
    if (log.state === 'ended' && this.#lists.size === 0) log.releaseRing();
  }

  inspect(): { session: string; queued: number; queuedBytes: number; publishers: number; lists: number } {
    return {
      session: this.parameters.log.session,
      queued: this.#queue.depth,
      queuedBytes: this.#queue.bytes,
      publishers: [...this.#publishers.values()].filter(({ lastNumber }) => lastNumber > 0).length,
      lists: this.#lists.size,
    };
  }

  #ended(): Pick<Followed, 'end'> {
    const { log, store } = this.parameters;
    if (log.state !== 'ended') return {};
    return { end: { lastSeq: log.lastSeq, reason: store.summary(log).reason ?? '' } };
  }

  #committed(seq: number): void {
    for (const list of this.#lists) list.tell('committed', { seq });
  }

  async #logIn({ publisher: id, durability }: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    const publisher = await this.#settledPublisher(id);
    if (owner.gone()) throw new ProtocolError('ERR_BUSY', `publisher ${id} has gone while it was logged in`);
    publisher.own(owner, stronger(durability, this.parameters.store.durability));
    this.#publishers.set(id, publisher);
    return {
      published: publisher.lastNumber,
      publish: (publish) => publisher.publish(owner, publish),
      close: () => {
        publisher.disown(owner);
        void publisher.settled().then(() => this.#forgetIdle(id));
      },
    };
  }

  /** The one of that id, with nothing in flight and a record that is as the disk's. */
  async #settledPublisher(id: string): Promise<Publisher> {
    const known = this.#publishers.get(id);
    known?.takeOver();
    await known?.settled();
    if (known && !known.unknown) return known;
    const { log, store } = this.parameters;
    const refusal = store.unavailable();
    if (refusal?.code === 'ERR_STORAGE_UNAVAILABLE')
      throw new ProtocolError('ERR_STORAGE_UNAVAILABLE', refusal.message);
    const record = await store.publisher(log.source, id);
    return new Publisher(record, () => ({
      log,
      queue: this.#queue,
      refusal: (session) => this.#refusalFor(session),
    }));
  }

  /** Its record is on disk. */
  #forgetIdle(id: string): void {
    if (this.#publishers.get(id)?.idle) this.#publishers.delete(id);
  }

  #refusalFor(session: string): ReturnType<Store['unavailable']> | ProtocolError {
    const { log, store } = this.parameters;
    if (session !== '' && session !== log.session) return this.#otherSession(session);
    return this.#refusal ?? store.unavailable();
  }

  #otherSession(session: string): ProtocolError {
    const { log, store } = this.parameters;
    const known = store.findSession(log.source, session);
    return known
      ? new ProtocolError('ERR_SESSION_ENDED', `session ${session} has ended; the active one is ${log.session}`)
      : new ProtocolError('ERR_UNKNOWN_SESSION', `source ${log.source} has no session ${session}`);
  }
}

function stronger(one: Durability, other: Durability): Durability {
  return one === 'disk' || other === 'disk' ? 'disk' : 'os';
}
