import type { Logger } from 'pino';
import { limits, readPublish, type ServerMessage, splitBlocks } from '../../protocol/index.js';
import type { ArchiveRequest } from '../archiver.js';
import { CatchUp } from '../catch-up.js';
import type { MemberCommand, OpenMember } from '../groups/member-stream.js';
import {
  type DiscardRequest,
  type MainOrigin,
  type OpenPublisher,
  type OriginFacts,
  type PublisherLogin,
  type SessionsRequest,
  sessionEnd,
} from '../origin.js';
import type { Outlet } from '../outlet.js';
import { PageTurns } from '../page-turns.js';
import { sessionList } from '../session-list.js';
import type { RollRequest } from '../session-roller.js';
import type { OpenSubscription, SubscriptionStart } from '../subscription.js';
import type { SessionEnd } from '../subscription-machine.js';
import type { Link, LinkMessage, LinkReply } from './link.js';
import { pageMessage } from './page-message.js';

/** Bytes queued towards an edge above which its feeds wait; in time they are served from the log. */
const roomBytes = 1024 * 1024;

/**
 * Main's end of an edge's data socket. It serves the {@link Origin} to the edge; each log the edge follows is one
 * ordinary subscription, so that an edge that cannot keep up rewinds like anyone else.
 */
export class EdgeLink {
  readonly #link: Link;
  readonly #pid: number;
  readonly #logger: Logger;
  readonly #origin: MainOrigin;
  readonly #subscribe: (start: SubscriptionStart) => Promise<OpenSubscription>;
  /** By the number the edge gave them: it may follow a log anew before its last feed has stopped. */
  readonly #feeds = new Map<number, Promise<OpenSubscription | undefined>>();
  readonly #publishers = new Map<number, OpenPublisher>();
  readonly #members = new Map<number, OpenMember>();
  readonly #pageTurns = new PageTurns(() => this.#hasRoom(), new CatchUp());
  #closed = false;

  constructor(
    link: Link,
    pid: number,
    origin: MainOrigin,
    subscribe: (start: SubscriptionStart) => Promise<OpenSubscription>,
    logger: Logger,
  ) {
    this.#link = link;
    this.#pid = pid;
    this.#origin = origin;
    this.#subscribe = subscribe;
    this.#logger = logger;
  }

  /** The edge has taken everything that was sent to it. */
  drained(): void {
    for (const feed of this.#feeds.values()) feed.then((subscription) => subscription?.drained(), nothing);
    this.#pageTurns.drained();
  }

  /** The edge has gone: its feeds end, and nobody speaks for its publishers. */
  closed(): void {
    this.#closed = true;
    for (const feed of this.#feeds.keys()) this.#unfollow(feed);
    for (const publisher of this.#publishers.values()) publisher.close();
    this.#publishers.clear();
    for (const member of this.#members.values()) member.close(0);
    this.#members.clear();
  }

  async call({ topic, fields }: LinkMessage): Promise<LinkReply> {
    const origin = this.#origin;
    switch (topic) {
      case 'facts':
        return { fields: { ...factsOf(origin) } };
      case 'findSession':
        return { fields: { session: await origin.findSession(String(fields.source), String(fields.session)) } };
      case 'sessions':
        return { fields: { sessions: sessionList(await origin.sessions(fields as SessionsRequest)) } };
      case 'read': {
        const { log, from, to } = fields as { log: number; from: number; to: number };
        return pageMessage(await origin.read(log, from, to), from);
      }
      case 'openPublisher':
        return {
          fields: { published: await this.#openPublisher(fields as { publisher: number; login: PublisherLogin }) },
        };
      case 'group':
        return { fields: await this.#group(fields as unknown as { member: number; command: MemberCommand }) };
      case 'members':
        return {
          fields: {
            members: (await origin.members((fields.group as string | null) ?? undefined)).slice(
              0,
              limits.memberListMax,
            ),
          },
        };
      case 'archive':
        return { fields: { ...(await origin.archive(fields as unknown as ArchiveRequest)) } };
      case 'roll':
        return { fields: { ...(await origin.roll(fields as unknown as RollRequest)) } };
      case 'discard':
        return { fields: { session: await origin.discard(fields as unknown as DiscardRequest) } };
      case 'inspect':
        return { fields: await origin.inspect() };
      default:
        throw new Error(`main knows no call ${topic}`);
    }
  }

  notice({ topic, fields, blocks }: LinkMessage): void {
    switch (topic) {
      case 'follow':
        return this.#follow(fields as { log: number; feed: number });
      case 'unfollow':
        return this.#unfollow(fields.feed as number);
      case 'publish':
        return this.#publishers.get(fields.publisher as number)?.publish(readPublish(blocks[0]!));
      case 'closePublisher':
        this.#publishers.get(fields.publisher as number)?.close();
        this.#publishers.delete(fields.publisher as number);
        return;
      case 'delivered':
        return this.#members.get(fields.member as number)?.delivered(fields.seq as number);
      case 'closeMember':
        this.#members.get(fields.member as number)?.close(fields.silentMs as number);
        this.#members.delete(fields.member as number);
        return;
      default:
        throw new Error(`main knows no notice ${topic}`);
    }
  }

  async #openPublisher({ publisher, login }: { publisher: number; login: PublisherLogin }): Promise<number> {
    const opened = await this.#origin.openPublisher(login, {
      answer: (answer) => this.#link.notify('answer', { publisher, answer }),
      dropped: (first, last) => this.#link.notify('dropped', { publisher, first, last }),
      takenOver: () => this.#link.notify('takenOver', { publisher }),
      gone: () => this.#closed,
    });
    if (this.#closed) opened.close();
    else this.#publishers.set(publisher, opened);
    return opened.published;
  }

  async #group({ member, command }: { member: number; command: MemberCommand }): Promise<Record<string, unknown>> {
    const answer = await this.#origin.group(command, {
      left: (why) => this.#link.notify('memberLeft', { member, why: why ?? null }),
    });
    if (!answer.stream) return { member: answer.member };
    const { open, ...stream } = answer.stream;
    if (this.#closed) open.close(0);
    else this.#members.set(member, open);
    return { member: answer.member, stream };
  }

  /** It is known in this turn, so that an `unfollow` that is right behind finds it. */
  #follow({ log, feed }: { log: number; feed: number }): void {
    const started = this.#startFeed(log, feed);
    this.#feeds.set(feed, started);
    started.catch((error) => this.#failed(error));
  }

  /**
   * The feed starts behind the last number committed now; what comes before it the edge reads when it is asked for. The
   * session may have ended, and have been removed, since the edge was told of it.
   */
  async #startFeed(log: number, feed: number): Promise<OpenSubscription | undefined> {
    const session = this.#origin.sessionOfLog(log);
    if (!session) throw new Error(`an edge follows log ${log}, which does not exist`);
    const { lastSeq, state } = session;
    this.#link.notify('followed', { feed, head: lastSeq, ...(state === 'ended' && { end: sessionEnd(session) }) });
    if (state === 'ended') return undefined;
    return await this.#subscribe({
      session,
      next: lastSeq + 1,
      pull: false,
      client: `edge ${this.#pid}`,
      outlet: this.#outlet(feed),
      over: () => {},
    });
  }

  /** An edge without a feed it asked for would stand still; a new one starts with everything fresh. */
  #failed(error: Error): void {
    this.#logger.error({ pid: this.#pid, err: error }, 'an edge could not follow a log, its link is closed');
    this.#link.close();
  }

  #unfollow(feed: number): void {
    this.#feeds.get(feed)?.then((subscription) => subscription?.stop(), nothing);
    this.#feeds.delete(feed);
  }

  #outlet(feed: number): Outlet {
    const link = this.#link;
    const hasRoom = (): boolean => this.#hasRoom();
    return {
      id: this.#pid,
      pageTurns: this.#pageTurns,
      get hasRoom() {
        return hasRoom();
      },
      get queuedBytes() {
        return link.queuedBytes;
      },
      write: (frames) =>
        link.notify(
          'blocks',
          { feed },
          frames.flatMap((bytes) => splitBlocks(bytes).blocks),
        ),
      send: (message) => this.#tell(feed, message),
    };
  }

  #hasRoom(): boolean {
    return this.#link.queuedBytes < roomBytes;
  }

  /** What a client would be told of its subscription, as the edge needs it. */
  #tell(feed: number, message: ServerMessage): void {
    switch (message.type) {
      case 'LOST':
        return this.#link.notify('lost', { feed, to: message.to });
      case 'END_OF_SESSION':
        return this.#link.notify('sessionEnded', { feed, end: endOf(message) });
      case 'UNSUBSCRIBED':
        return this.#link.close();
      default:
    }
  }
}

function endOf(message: Extract<ServerMessage, { type: 'END_OF_SESSION' }>): SessionEnd {
  const { type: _type, log: _log, session: _session, ...end } = message;
  return end;
}

/** What an edge needs to know of its origin at once. */
function factsOf({ durability, sources, groups, closedSessions }: OriginFacts): OriginFacts {
  return { durability, sources, groups, closedSessions };
}

/** A feed that could not start has been reported where it was started. */
function nothing(): void {}
