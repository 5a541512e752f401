import type {
  Durability,
  MemberSummary,
  Publish,
  Rolled,
  SessionReport,
  SessionSummary,
} from '../../protocol/index.js';
import { blockLastSeq } from '../../protocol/index.js';
import { type Page, Ring } from '../../storage/index.js';
import type { ArchiveRequest } from '../archiver.js';
import type {
  MemberAnswer,
  MemberCommand,
  MemberFacts,
  MemberOwner,
  MemberStream,
  OpenMember,
  StreamFailure,
} from '../groups/member-stream.js';
import type {
  DiscardRequest,
  Followed,
  OpenPublisher,
  Origin,
  OriginFacts,
  PublisherLogin,
  SessionsRequest,
} from '../origin.js';
import type { PublishAnswer, PublisherOwner } from '../publisher.js';
import type { Ref } from '../runtime/index.js';
import type { ClosedSessions } from '../server-config.js';
import type { RollRequest } from '../session-roller.js';
import type { SubscriptionListProtocol } from '../subscription-list.js';
import type { SessionEnd } from '../subscription-machine.js';
import { connectLink } from './connect-link.js';
import type { Link, LinkMessage } from './link.js';
import { pageOf } from './page-message.js';

/** The live stream of a log, as main sends it. */
interface Feed {
  ring: Ring;
  list: Ref<SubscriptionListProtocol>;
}

/** Connect a forked edge to the process that has the log. */
export async function connectOrigin(path: string, token: string, ringBytesMax: number): Promise<RemoteOrigin> {
  let origin: RemoteOrigin | undefined;
  const link = await connectLink(path, token, 'Edge', () => (message) => origin?.notice(message));
  const { fields } = await link.call('facts', {});
  origin = new RemoteOrigin(link, fields as unknown as OriginFacts, ringBytesMax);
  return origin;
}

/**
 * The {@link Origin} of a forked edge, over the data socket. Positions are validated by main, publishes and rewind reads
 * go to main; of the live stream each block crosses once, into a ring of the edge's own.
 */
export class RemoteOrigin implements Origin {
  readonly durability: Durability;
  readonly sources: readonly string[];
  readonly groups: readonly string[];
  readonly closedSessions: ClosedSessions;
  readonly #link: Link;
  readonly #ringBytesMax: number;
  /** By a number of its own: what main sent of a feed before it heard that nobody wants it is for no other. */
  readonly #feeds = new Map<number, Feed>();
  readonly #following = new Map<number, (followed: Followed) => void>();
  /** The feed of each log that is followed. */
  readonly #feedOf = new Map<number, number>();
  readonly #owners = new Map<number, PublisherOwner>();
  readonly #members = new Map<number, MemberOwner>();
  #lastEnded: Feed | undefined;
  #lastFeed = 0;
  #lastPublisher = 0;
  #lastMember = 0;

  constructor(link: Link, facts: OriginFacts, ringBytesMax: number) {
    this.#link = link;
    this.durability = facts.durability;
    this.sources = facts.sources;
    this.groups = facts.groups;
    this.closedSessions = facts.closedSessions;
    this.#ringBytesMax = ringBytesMax;
  }

  async findSession(source: string, session: string): Promise<SessionSummary> {
    const { fields } = await this.#link.call('findSession', { source, session });
    return fields.session as SessionSummary;
  }

  async sessions({ source, session, discarded = false }: SessionsRequest = {}): Promise<SessionSummary[]> {
    const { fields } = await this.#link.call('sessions', {
      discarded,
      ...(source !== undefined && { source }),
      ...(session !== undefined && { session }),
    });
    return fields.sessions as SessionSummary[];
  }

  /** Main answers with a notice, not a reply, so that the feed exists before the first block is looked at. */
  follow(log: number, list: Ref<SubscriptionListProtocol>): Promise<Followed> {
    const feed = ++this.#lastFeed;
    this.#feedOf.set(log, feed);
    return new Promise((resolve) => {
      this.#following.set(feed, (followed) => {
        this.#feeds.set(feed, { ring: followed.ring, list });
        resolve(followed);
      });
      this.#link.notify('follow', { log, feed });
    });
  }

  unfollow(log: number): void {
    const feed = this.#feedOf.get(log);
    if (feed === undefined) return;
    this.#feedOf.delete(log);
    this.#feeds.delete(feed);
    this.#following.delete(feed);
    this.#link.notify('unfollow', { feed });
  }

  async read(log: number, from: number, to: number): Promise<Page> {
    return pageOf(await this.#link.call('read', { log, from, to }));
  }

  async openPublisher(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    const publisher = ++this.#lastPublisher;
    this.#owners.set(publisher, owner);
    try {
      const { fields } = await this.#link.call('openPublisher', { publisher, login });
      return {
        published: fields.published as number,
        publish: ({ frame }: Publish) => this.#link.notify('publish', { publisher }, [frame]),
        close: () => {
          this.#owners.delete(publisher);
          this.#link.notify('closePublisher', { publisher });
        },
      };
    } catch (error) {
      this.#owners.delete(publisher);
      throw error;
    }
  }

  async group(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    const member = ++this.#lastMember;
    this.#members.set(member, owner);
    try {
      const { fields } = await this.#link.call('group', { member, command });
      const answer = fields as { member: MemberFacts; stream?: Omit<MemberStream, 'open'> };
      if (answer.stream) return { ...answer, stream: { ...answer.stream, open: this.#openMember(member) } };
      this.#members.delete(member);
      return { member: answer.member };
    } catch (error) {
      this.#members.delete(member);
      throw error;
    }
  }

  #openMember(member: number): OpenMember {
    return {
      delivered: (seq) => this.#link.notify('delivered', { member, seq }),
      close: (silentMs) => {
        if (this.#members.delete(member)) this.#link.notify('closeMember', { member, silentMs });
      },
    };
  }

  async members(group?: string): Promise<MemberSummary[]> {
    const { fields } = await this.#link.call('members', { group: group ?? null });
    return fields.members as MemberSummary[];
  }

  async archive(request: ArchiveRequest): Promise<SessionReport> {
    const { fields } = await this.#link.call('archive', { ...request });
    return fields as unknown as SessionReport;
  }

  async roll({ source, session, reason, discard = false }: RollRequest): Promise<Rolled> {
    const { fields } = await this.#link.call('roll', {
      source,
      reason,
      discard,
      ...(session !== undefined && { session }),
    });
    return fields as unknown as Rolled;
  }

  async discard(request: DiscardRequest): Promise<SessionSummary> {
    const { fields } = await this.#link.call('discard', { ...request });
    return fields.session as SessionSummary;
  }

  async inspect(): Promise<Record<string, unknown>> {
    return (await this.#link.call('inspect', {})).fields;
  }

  /** What main tells on its own. */
  notice({ topic, fields, blocks }: LinkMessage): void {
    switch (topic) {
      case 'followed':
        return this.#followed(fields as { feed: number; head: number; end?: SessionEnd });
      case 'blocks':
        return this.#blocks(this.#feeds.get(fields.feed as number), blocks);
      case 'lost':
        return this.#lost(this.#feeds.get(fields.feed as number), fields.to as number);
      case 'sessionEnded':
        return this.#ended(this.#feeds.get(fields.feed as number), fields.end as SessionEnd);
      case 'answer':
        return this.#owners.get(fields.publisher as number)?.answer(fields.answer as PublishAnswer);
      case 'dropped':
        return this.#owners.get(fields.publisher as number)?.dropped(fields.first as number, fields.last as number);
      case 'takenOver':
        return this.#owners.get(fields.publisher as number)?.takenOver();
      case 'memberLeft':
        return this.#members.get(fields.member as number)?.left((fields.why as StreamFailure | null) ?? undefined);
      default:
        throw new Error(`an edge knows no notice ${topic}`);
    }
  }

  #followed({ feed, head, end }: { feed: number; head: number; end?: SessionEnd }): void {
    const ring = new Ring(this.#ringBytesMax, head + 1);
    this.#following.get(feed)?.({ ring, head, ...(end && { end }) });
    this.#following.delete(feed);
  }

  #blocks(feed: Feed | undefined, blocks: Buffer[]): void {
    if (!feed) return;
    for (const block of blocks) feed.ring.push(block);
    feed.list.tell('committed', { seq: blockLastSeq(blocks[blocks.length - 1]!) });
  }

  /** Of the session that ended before this one nobody needs a ring: whoever is that far behind reads from main. */
  #ended(feed: Feed | undefined, end: SessionEnd): void {
    feed?.list.tell('sessionEnded', end);
    this.#lastEnded?.ring.reset(this.#lastEnded.ring.lastSeq + 1);
    this.#lastEnded = feed;
  }

  /** What is lost to the edge is not in its ring; its subscribers read it from main and are told there. */
  #lost(feed: Feed | undefined, to: number): void {
    feed?.ring.reset(to + 1);
    feed?.list.tell('committed', { seq: to });
  }
}
