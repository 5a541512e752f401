import { encodePayloads, ProtocolError, type Rolled, type SessionSummary } from '../protocol/index.js';
import type { InputPosition, Log, Roll, Store } from '../storage/index.js';
import { Followers } from './followers.js';
import { type Fed, type Feed, InputFeeds } from './inputs/input-feeds.js';
import { LocalProducer } from './local-producer.js';
import { type MessageProcess, MessageProcesses } from './message-processes.js';
import { endedLog, type Followed, type OpenPublisher, type PublisherLogin, sessionEnd } from './origin.js';
import { otherSession } from './other-session.js';
import { PublishQueue } from './publish-queue.js';
import type { PublisherOwner, PublishTarget } from './publisher.js';
import { Actor, type Behaviour, Mailbox, type Ref } from './runtime/index.js';
import type { SessionCalendar } from './session-calendar.js';
import { SessionPublishers } from './session-publishers.js';
import type { SubscriptionListProtocol } from './subscription-list.js';

/** What a Session understands. */
export type SessionProtocol = {
  /**
   * Publish from inside the server; resolves when the messages are durable. With a session's name they are written to
   * that session or not at all.
   */
  publish: [{ session?: string; payloads: Uint8Array[] }, { session: string; firstSeq: number; count: number }];
  /** A batch of an input; resolves when its messages and its position are durable. */
  feed: [Feed, Fed];
  /** How far an input of this source is, once what it fed is settled. */
  inputPosition: [{ input: string }, InputPosition | undefined];
  /** A publisher's login. */
  openPublisher: [{ login: PublisherLogin; owner: PublisherOwner }, OpenPublisher];
  /** A process that makes messages for this source: it is told the name of each session before its first message. */
  generatedBy: [MessageProcess, void];
  /** The first subscriber of a list attaches it: it is told of every commit of that log. */
  attach: [{ log: number; list: Ref<SubscriptionListProtocol> }, Followed];
  /** The last subscriber of a list has left. */
  detach: [{ log: number; list: Ref<SubscriptionListProtocol> }, void];
  /** Nothing more is accepted; resolves when all that was accepted is settled. */
  close: [Record<string, never>, void];
  /**
   * End the session behind what is queued, and go on with the next one: what is published meanwhile is in the next one.
   * Followers are told when they have all of the one that has ended.
   */
  roll: [Roll, Rolled];
  inspect: [
    Record<string, never>,
    { session: string; queued: number; queuedBytes: number; publishers: number; lists: number },
  ];
};

/** What a Session is made of. */
export interface SessionParameters {
  store: Store;
  /** Of the active session. */
  log: Log;
  calendar: SessionCalendar;
  /** Payload bytes at which an edge reads no more publishes; twice as many are queued at the most. */
  publishBytesMax: number;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Why a publisher may not publish now; absent: everybody may. */
  refusal?: ((publisher: string) => ProtocolError | undefined) | undefined;
}

/**
 * The active session of a source: the queue of publishes in front of its log, its publishers, and the lists that follow
 * it. When the session is rolled it goes on with the next one: queue, publishers and their numbers stay as they are.
 */
export default class SessionActor
  extends Actor<SessionParameters, SessionProtocol>
  implements Behaviour<SessionProtocol>
{
  readonly #followers = new Followers();
  #processes!: MessageProcesses;
  readonly #local = new LocalProducer();
  readonly #rolls = new Mailbox('the rolls of a Session');
  #log!: Log;
  #queue!: PublishQueue;
  #feeds!: InputFeeds;
  #publishers!: SessionPublishers;
  /** One object until the session is rolled: it is asked for with every publish. */
  #target!: PublishTarget;
  #refusal: ProtocolError | undefined;
  #rolling = false;
  #stopWatching: (() => void) | undefined;

  override onStart(): void {
    const { log, store, clock, publishBytesMax, refusal } = this.parameters;
    this.#log = log;
    this.#processes = new MessageProcesses(this.logger);
    // Connections are not read any more at publishBytesMax; the frame each of them has in hand then is not refused.
    const queueBytesMax = 2 * publishBytesMax;
    this.#queue = new PublishQueue(log, store.committer, clock, queueBytesMax, (seq) => this.#committed(seq));
    this.#target = { log, queue: this.#queue, refusal: (session) => this.#refusalFor(session) };
    const target = () => this.#target;
    this.#feeds = new InputFeeds({ store, active: target, refusal: () => this.#refusalFor('') });
    this.#publishers = new SessionPublishers({ store, source: log.source, target, refusal });
    this.#stopWatching = store.onReopened(() => this.#reopened());
  }

  override onStop(): void {
    this.#stopWatching?.();
  }

  async publish({ session = '', payloads }: SessionProtocol['publish'][0]): Promise<SessionProtocol['publish'][1]> {
    const refusal = this.#refusalFor(session);
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

  openPublisher({ login, owner }: { login: PublisherLogin; owner: PublisherOwner }): Promise<OpenPublisher> {
    return this.#publishers.open(login, owner);
  }

  generatedBy(process: MessageProcess): void {
    this.#processes.add(process, this.#log.session);
  }

  /** A session that has ended meanwhile is followed from its log. */
  attach({ log: number, list }: { log: number; list: Ref<SubscriptionListProtocol> }): Followed {
    const log = this.#log;
    if (log.number !== number) return endedLog(this.#summaryOf(number));
    this.#followers.add(log, list);
    return { ring: log.ring, head: log.lastSeq };
  }

  detach({ log, list }: { log: number; list: Ref<SubscriptionListProtocol> }): void {
    this.#followers.delete(log, list);
  }

  async close(): Promise<void> {
    this.#refusal ??= new ProtocolError(
      'ERR_SHUTTING_DOWN',
      'the server is shutting down; publish again after reconnecting',
    );
    await this.#queue.flushed();
  }

  roll(roll: Roll): Promise<Rolled> {
    return this.#rolls.run(() => this.#roll(roll));
  }

  async #roll(roll: Roll): Promise<Rolled> {
    const { store } = this.parameters;
    const refusal = this.#refusalFor('');
    if (refusal?.code === 'ERR_SHUTTING_DOWN') throw refusal;
    await store.ready();
    await this.#processes.finished(this.#log.session);
    this.#rolling = true;
    const log = this.#log;
    this.#queue.hold();
    try {
      await this.#queue.flushed();
      // Behind a failure of the disk this roll, or an earlier one, may have turned out to be written.
      const next = this.#log === log ? await store.rollSession(log, roll) : this.#log;
      if (this.#log === log) this.#goOn(next);
    } catch (error) {
      this.#processes.opened(this.#log.session);
      throw error;
    } finally {
      this.#rolling = false;
      this.#queue.release(this.#log);
    }
    return { ended: store.summary(log), opened: store.summary(this.#log) };
  }

  /** The log has ended, and `next` is the one behind it. */
  #goOn(next: Log): void {
    const end = sessionEnd(this.parameters.store.summary(this.#log));
    const { source, session } = this.#log;
    this.logger.info({ source, session, ...end }, 'session ended');
    this.#followers.ended(this.#log, end);
    this.#log = next;
    this.#target = { ...this.#target, log: next };
    this.#processes.opened(next.session);
  }

  /** What was in doubt may turn out to be written: messages, and a roll. */
  #reopened(): void {
    this.#committed(this.#log.lastSeq);
    const active = this.parameters.store.activeSession(this.#log.source);
    if (!active || active === this.#log) return;
    void this.#processes.finished(this.#log.session);
    this.#goOn(active);
    if (!this.#rolling) this.#queue.release(active);
  }

  #summaryOf(number: number): SessionSummary {
    const { store } = this.parameters;
    const log = store.log(number);
    if (!log) throw new ProtocolError('ERR_UNKNOWN_SESSION', `there is no log ${number} any more`);
    return store.summary(log);
  }

  inspect(): SessionProtocol['inspect'][1] {
    return {
      session: this.#log.session,
      queued: this.#queue.depth,
      queuedBytes: this.#queue.bytes,
      publishers: this.#publishers.size,
      lists: this.#followers.size,
    };
  }

  #committed(seq: number): void {
    this.#followers.committed(this.#log, seq);
  }

  #refusalFor(session: string): ReturnType<Store['unavailable']> | ProtocolError {
    const { store, calendar } = this.parameters;
    const { source, session: active } = this.#log;
    const named = session === '' || session === active ? session : calendar.resolve(session);
    if (named !== '' && named !== active) return otherSession(store, source, named, active);
    if (named !== '' && this.#rolling) return new ProtocolError('ERR_BUSY', `session ${active} is being rolled`);
    return this.#refusal ?? store.unavailable();
  }
}
