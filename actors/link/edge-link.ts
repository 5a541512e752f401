import type { Logger } from 'pino';
import { limits, readPublish, type ServerMessage, splitBlocks } from '../../protocol/index.js';
import type { ArchiveRequest } from '../archiver.js';
import { CatchUp } from '../catch-up.js';
import { type OpenPublisher, type Origin, type OriginFacts, type PublisherLogin, sessionEnd } from '../origin.js';
import type { Outlet } from '../outlet.js';
import { PageTurns } from '../page-turns.js';
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
  readonly #origin: Origin;
  readonly #subscribe: (start: SubscriptionStart) => Promise<OpenSubscription>;
  readonly #feeds = new Map<number, Promise<OpenSubscription>>();
  readonly #publishers = new Map<number, OpenPublisher>();
  readonly #pageTurns = new PageTurns(() => this.#hasRoom(), new CatchUp());
  #closed = false;

  constructor(
    link: Link,
    pid: number,
    origin: Origin,
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
    for (const feed of this.#feeds.values()) feed.then((subscription) => subscription.drained(), nothing);
    this.#pageTurns.drained();
  }

  /** The edge has gone: its feeds end, and nobody speaks for its publishers. */
  closed(): void {
    this.#closed = true;
    for (const log of this.#feeds.keys()) this.#unfollow(log);
    for (const publisher of this.#publishers.values()) publisher.close();
    this.#publishers.clear();
  }

  async call({ topic, fields }: LinkMessage): Promise<LinkReply> {
    const origin = this.#origin;
    switch (topic) {
      case 'facts':
        return { fields: { ...factsOf(origin) } };
      case 'findSession':
        return { fields: { session: await origin.findSession(String(fields.source), String(fields.session)) } };
      case 'sessions':
        return {
          fields: {
            sessions: (await origin.sessions((fields.source as string | null) ?? undefined)).slice(
              -limits.sessionListMax,
            ),
          },
        };
      case 'read': {
        const { log, from, to } = fields as { log: number; from: number; to: number };
        return pageMessage(await origin.read(log, from, to), from);
      }
      case 'openPublisher':
        return {
          fields: { published: await this.#openPublisher(fields as { publisher: number; login: PublisherLogin }) },
        };
      case 'archive':
        return { fields: { ...(await origin.archive(fields as unknown as ArchiveRequest)) } };
      case 'roll':
        return { fields: { ...(await origin.roll(fields as unknown as RollRequest)) } };
      case 'inspect':
        return { fields: await origin.inspect() };
      default:
        throw new Error(`main knows no call ${topic}`);
    }
  }

  notice({ topic, fields, blocks }: LinkMessage): void {
    switch (topic) {
      case 'follow':
        this.#follow(fields.log as number).catch((error) => this.#failed(error));
        return;
      case 'unfollow':
        return this.#unfollow(fields.log as number);
      case 'publish':
        return this.#publishers.get(fields.publisher as number)?.publish(readPublish(blocks[0]!));
      case 'closePublisher':
        this.#publishers.get(fields.publisher as number)?.close();
        this.#publishers.delete(fields.publisher as number);
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

  /** The feed starts behind the last number committed now; what comes before it the edge reads when it is asked for. */
  async #follow(log: number): Promise<void> {
    const session = (await this.#origin.sessions()).find((summary) => summary.log === log);
    if (!session) throw new Error(`an edge follows log ${log}, which does not exist`);
    const { lastSeq, state } = session;
    this.#link.notify('followed', { log, head: lastSeq, ...(state === 'ended' && { end: sessionEnd(session) }) });
    if (state === 'ended') return;
    const feed = this.#subscribe({
      session,
      next: lastSeq + 1,
      pull: false,
      client: `edge ${this.#pid}`,
      outlet: this.#outlet(log),
      over: () => {},
    });
    this.#feeds.set(log, feed);
    await feed;
    if (this.#closed) this.#unfollow(log);
  }

  /** An edge without a feed it asked for would stand still; a new one starts with everything fresh. */
  #failed(error: Error): void {
    this.#logger.error({ pid: this.#pid, err: error }, 'an edge could not follow a log, its link is closed');
    this.#link.close();
  }

  #unfollow(log: number): void {
    this.#feeds.get(log)?.then((subscription) => subscription.stop(), nothing);
    this.#feeds.delete(log);
  }

  #outlet(log: number): Outlet {
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
          { log },
          frames.flatMap((bytes) => splitBlocks(bytes).blocks),
        ),
      send: (message) => this.#tell(log, message),
    };
  }

  #hasRoom(): boolean {
    return this.#link.queuedBytes < roomBytes;
  }

  /** What a client would be told of its subscription, as the edge needs it. */
  #tell(log: number, message: ServerMessage): void {
    switch (message.type) {
      case 'LOST':
        return this.#link.notify('lost', { log, to: message.to });
      case 'END_OF_SESSION':
        return this.#link.notify('sessionEnded', { log, end: endOf(message) });
      case 'UNSUBSCRIBED':
        return this.#link.close();
      default:
    }
  }
}

function endOf({ lastSeq, reason, discarded, next }: Extract<ServerMessage, { type: 'END_OF_SESSION' }>): SessionEnd {
  return { lastSeq, reason, ...(discarded && { discarded }), ...(next !== undefined && { next }) };
}

/** What an edge needs to know of its origin at once. */
function factsOf({ durability, sources, closedSessions }: Origin): OriginFacts {
  return { durability, sources, closedSessions };
}

/** A feed that could not start has been reported where it was started. */
function nothing(): void {}
