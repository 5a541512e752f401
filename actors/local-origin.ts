import { type Durability, ProtocolError, type SessionReport, type SessionSummary } from '../protocol/index.js';
import type { Page, Store } from '../storage/index.js';
import type { ArchiveRequest } from './archiver.js';
import type { Followed, OpenPublisher, Origin, PublisherLogin } from './origin.js';
import type { PublisherOwner } from './publisher.js';
import { relayedPublisher } from './relayed-publisher.js';
import type { Ref } from './runtime/index.js';
import type { Sources } from './sources.js';
import type { SubscriptionListProtocol } from './subscription-list.js';

/** Milliseconds the Session may take to attach a list or a publisher; a reopen of the store comes before that. */
const askMs = 60_000;

/** What it needs to know of the sources. */
export type HostedSources = Pick<Sources, 'names' | 'check' | 'relayOf' | 'session' | 'sessionOfLog'>;

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
  readonly #sources: HostedSources;
  readonly #services: OriginServices;

  constructor(store: Store, sources: HostedSources, services: OriginServices) {
    this.durability = store.durability;
    this.sources = sources.names;
    this.#store = store;
    this.#sources = sources;
    this.#services = services;
  }

  async findSession(source: string, session: string): Promise<SessionSummary> {
    this.#sources.check(source);
    const wanted = this.#store.findSession(source, session);
    if (wanted) return wanted;
    this.#sources.session(source);
    throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}`);
  }

  async sessions(source?: string): Promise<SessionSummary[]> {
    if (source !== undefined) this.#sources.check(source);
    return this.#store.sessions(source);
  }

  async follow(log: number, list: Ref<SubscriptionListProtocol>): Promise<Followed> {
    return this.#sources.sessionOfLog(log).ask('attach', { list }, { timeoutMs: askMs });
  }

  unfollow(log: number, list: Ref<SubscriptionListProtocol>): void {
    this.#sources.sessionOfLog(log).tell('detach', { list });
  }

  read(log: number, from: number, to: number): Promise<Page> {
    return this.#store.read(log, from, to);
  }

  async openPublisher(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    const relay = this.#sources.relayOf(login.source);
    if (relay !== undefined) return relayedPublisher(login.source, relay, owner);
    return this.#sources.session(login.source).ask('openPublisher', { login, owner }, { timeoutMs: askMs });
  }

  async archive(request: ArchiveRequest): Promise<SessionReport> {
    this.#sources.check(request.source);
    return this.#services.archive(request);
  }

  inspect(): Promise<Record<string, unknown>> {
    return this.#services.inspect();
  }
}
