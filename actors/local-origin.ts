import {
  type Durability,
  type MemberSummary,
  ProtocolError,
  type Rolled,
  type SessionReport,
  type SessionSummary,
} from '../protocol/index.js';
import type { Page, Store } from '../storage/index.js';
import { archiveFailure } from './archive-failure.js';
import type { ArchiveRequest } from './archiver.js';
import type { Discards } from './discards.js';
import type { Groups } from './groups/groups.js';
import type { MemberAnswer, MemberCommand, MemberOwner } from './groups/member-stream.js';
import type { DiscardRequest, Followed, MainOrigin, OpenPublisher, PublisherLogin, SessionsRequest } from './origin.js';
import type { PublisherOwner } from './publisher.js';
import { relayedPublisher } from './relayed-publisher.js';
import { rollFailure } from './roll-failure.js';
import type { Ref } from './runtime/index.js';
import type { ClosedSessions } from './server-config.js';
import type { SessionCalendar } from './session-calendar.js';
import type { RollRequest, SessionRollerProtocol } from './session-roller.js';
import type { Sources } from './sources.js';
import type { SubscriptionListProtocol } from './subscription-list.js';

/** Milliseconds the Session may take to attach a list or a publisher; a reopen of the store comes before that. */
const askMs = 60_000;
/** A client is not kept waiting longer for a roll; what becomes of it the catalogue tells. */
const rollMs = 30_000;

/** What it needs to know of the sources. */
export type HostedSources = Pick<Sources, 'names' | 'check' | 'relayOf' | 'session' | 'sessions' | 'sessionOfLog'>;

/** What a {@link LocalOrigin} is made of. */
export interface LocalOriginParts {
  store: Store;
  sources: HostedSources;
  groups: Pick<Groups, 'names' | 'command' | 'members'>;
  roller: Ref<SessionRollerProtocol>;
  calendar: SessionCalendar;
  closedSessions: ClosedSessions;
  /** As {@link Origin.inspect}. */
  inspect: () => Promise<Record<string, unknown>>;
  discards: Pick<Discards, 'mark'>;
  /** As {@link Origin.archive}, for a source there is. */
  archive: (request: ArchiveRequest) => Promise<SessionReport>;
}

/** The {@link Origin} in the process that has the log. */
export class LocalOrigin implements MainOrigin {
  readonly durability: Durability;
  readonly sources: readonly string[];
  readonly groups: readonly string[];
  readonly closedSessions: ClosedSessions;
  readonly #parts: LocalOriginParts;

  constructor(parts: LocalOriginParts) {
    this.durability = parts.store.durability;
    this.sources = parts.sources.names;
    this.groups = parts.groups.names;
    this.closedSessions = parts.closedSessions;
    this.#parts = parts;
  }

  async findSession(source: string, session: string): Promise<SessionSummary> {
    const { store, sources, calendar } = this.#parts;
    sources.check(source);
    const wanted = store.findSession(source, session) ?? store.findSession(source, calendar.resolve(session));
    if (wanted) return wanted;
    sources.session(source);
    const [oldest] = store.sessions(source);
    const known = `the oldest one kept is ${oldest?.session ?? 'none'}`;
    throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}; ${known}`);
  }

  async sessions(request: SessionsRequest = {}): Promise<SessionSummary[]> {
    const { sources, calendar } = this.#parts;
    if (request.source !== undefined) sources.check(request.source);
    const found = await this.#asked(request);
    const rollsMs = calendar.nextRollMs();
    return found.map((session) => {
      const isRolled = session.state === 'active' && sources.relayOf(session.source) === undefined;
      return isRolled && rollsMs !== undefined ? { ...session, rollsMs } : session;
    });
  }

  async #asked({ source, session, discarded = false }: SessionsRequest): Promise<SessionSummary[]> {
    const { store } = this.#parts;
    if (source !== undefined && session !== undefined) return [await this.findSession(source, session)];
    return discarded ? store.keeping.discardedSessions(source) : store.sessions(source);
  }

  sessionOfLog(number: number): SessionSummary | undefined {
    const { store } = this.#parts;
    const log = store.log(number);
    return log && store.summary(log);
  }

  async follow(log: number, list: Ref<SubscriptionListProtocol>): Promise<Followed> {
    const session = this.#parts.sources.sessionOfLog(log);
    if (!session) throw new Error(`log ${log} has no session`);
    return session.ask('attach', { log, list }, { timeoutMs: askMs });
  }

  unfollow(log: number, list: Ref<SubscriptionListProtocol>): void {
    const { sources } = this.#parts;
    const session = sources.sessionOfLog(log);
    // One that was removed long ago may be followed still, by somebody who has stopped to read.
    for (const told of session ? [session] : sources.sessions()) told.tell('detach', { log, list });
  }

  read(log: number, from: number, to: number): Promise<Page> {
    return this.#parts.store.read(log, from, to);
  }

  async openPublisher(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    const { sources } = this.#parts;
    const relay = sources.relayOf(login.source);
    if (relay !== undefined) return relayedPublisher(login.source, relay, owner);
    return sources.session(login.source).ask('openPublisher', { login, owner }, { timeoutMs: askMs });
  }

  group(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    return this.#parts.groups.command(command, owner);
  }

  members(group?: string): Promise<MemberSummary[]> {
    return this.#parts.groups.members(group);
  }

  async roll(request: RollRequest): Promise<Rolled> {
    const { source } = request;
    const { sources } = this.#parts;
    sources.check(source);
    if (this.groups.includes(source)) {
      throw new ProtocolError('ERR_NOT_ROLLED', `source ${source} is a group: its log has one session for ever`);
    }
    const relay = sources.relayOf(source);
    if (relay !== undefined) {
      const message = `source ${source} is rolled by its relay ${relay}: roll it on the server that is relayed`;
      throw new ProtocolError('ERR_RELAYED', message);
    }
    const rolled = await this.#rolled(request);
    const { discard, reason } = request;
    if (!discard || !rolled.ended || rolled.ended.discarded) return rolled;
    // It had ended already, and is marked now.
    return { ...rolled, ended: await this.discard({ source, session: rolled.ended.session, reason }) };
  }

  async #rolled(request: RollRequest): Promise<Rolled> {
    try {
      return await this.#parts.roller.ask('roll', request, { timeoutMs: rollMs });
    } catch (error) {
      throw rollFailure(error);
    }
  }

  async discard({ source, session, reason }: DiscardRequest): Promise<SessionSummary> {
    const found = await this.findSession(source, session);
    try {
      return await this.#parts.discards.mark(found, reason);
    } catch (error) {
      throw archiveFailure(error);
    }
  }

  async archive(request: ArchiveRequest): Promise<SessionReport> {
    const { store, sources, calendar, archive } = this.#parts;
    const { source, session } = request;
    sources.check(source);
    return archive({ ...request, session: store.findSession(source, session) ? session : calendar.resolve(session) });
  }

  inspect(): Promise<Record<string, unknown>> {
    return this.#parts.inspect();
  }
}
