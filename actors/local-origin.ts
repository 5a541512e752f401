import { type Durability, ProtocolError, type SessionReport, type SessionSummary } from '../protocol/index.js';
import type { Page, Store } from '../storage/index.js';
import type { ArchiveRequest } from './archiver.js';
import type { Followed, OpenPublisher, Origin, PublisherLogin } from './origin.js';
import type { PublisherOwner } from './publisher.js';
import type { Ref } from './runtime/index.js';
import type { SessionProtocol } from './session.js';
import type { SubscriptionListProtocol } from './subscription-list.js';

/** Milliseconds the Session may take to attach a list or a publisher; a reopen of the store comes before that. */
const askMs = 60_000;

/** What a {@link LocalOrigin} has done by others. */
export interface OriginServices {
  /** As {@link Origin.inspect}. */
  inspect(): Promise<Record<string, unknown>>;
  /** As {@link Origin.archive}, for a source there is. */
  archive(request: ArchiveRequest): Promise<SessionReport>;
}

/** The {@link Origin} in the process that has the log. */
export class LocalOrigin implements Origin {
  readonly durability: Durability;
  readonly sources: readonly string[];
  readonly #store: Store;
  readonly #sessions: ReadonlyMap<string, Ref<SessionProtocol>>;
  readonly #services: OriginServices;

  /** @param sessions the Session actor of each source */
  constructor(store: Store, sessions: ReadonlyMap<string, Ref<SessionProtocol>>, services: OriginServices) {
    this.durability = store.durability;
    this.sources = [...sessions.keys()];
    this.#store = store;
    this.#sessions = sessions;
    this.#services = services;
  }

  async findSession(source: string, session: string): Promise<SessionSummary> {
    this.#sessionOf(source);
    const wanted = this.#store.findSession(source, session);
    if (!wanted) throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}`);
    return wanted;
  }

  async sessions(source?: string): Promise<SessionSummary[]> {
    if (source !== undefined) this.#sessionOf(source);
    return this.#store.sessions(source);
  }

  async follow(log: number, list: Ref<SubscriptionListProtocol>): Promise<Followed> {
    return this.#sessionOfLog(log).ask('attach', { list }, { timeoutMs: askMs });
  }

  unfollow(log: number, list: Ref<SubscriptionListProtocol>): void {
    this.#sessionOfLog(log).tell('detach', { list });
  }

  read(log: number, from: number, to: number): Promise<Page> {
    return this.#store.read(log, from, to);
  }

  async openPublisher(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    return this.#sessionOf(login.source).ask('openPublisher', { login, owner }, { timeoutMs: askMs });
  }

  async archive(request: ArchiveRequest): Promise<SessionReport> {
    this.#sessionOf(request.source);
    return this.#services.archive(request);
  }

  inspect(): Promise<Record<string, unknown>> {
    return this.#services.inspect();
  }

  #sessionOf(source: string): Ref<SessionProtocol> {
    const session = this.#sessions.get(source);
    if (session) return session;
    throw new ProtocolError('ERR_UNKNOWN_SOURCE', `no source ${source}; this server has ${this.sources.join(', ')}`);
  }

  #sessionOfLog(log: number): Ref<SessionProtocol> {
    const source = this.#store.log(log)?.source;
    if (source === undefined) throw new Error(`there is no log ${log}`);
    return this.#sessionOf(source);
  }
}
