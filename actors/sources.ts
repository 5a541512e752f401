import type { Logger } from 'pino';
import { ProtocolError } from '../protocol/index.js';
import type { Log, Store } from '../storage/index.js';
import type { Discards } from './discards.js';
import type { Groups } from './groups/groups.js';
import type { FedSource } from './inputs/input.js';
import { InputError } from './inputs/input-error.js';
import type { ContinuedSession } from './inputs/input-source.js';
import type { Ref, Spawner } from './runtime/index.js';
import type { ServerConfig } from './server-config.js';
import SessionActor, { type SessionProtocol } from './session.js';
import type { SessionCalendar } from './session-calendar.js';
import type { SessionRollerProtocol } from './session-roller.js';

/** What {@link Sources} work with. */
export interface SourcesOptions {
  store: Store;
  config: ServerConfig;
  /** Makes the Session actors. */
  spawner: Spawner;
  calendar: SessionCalendar;
  roller: Ref<SessionRollerProtocol>;
  groups: Groups;
  discards: Discards;
  /** Milliseconds since 1970. */
  clock: () => number;
  logger: Logger;
}

/** A roll waits for what is queued, and for a disk that is away. */
const rollMs = 600_000;
const positionMs = 600_000;
/** Milliseconds a source may take to be ready, a roll that is overdue included. */
const openMs = 60_000;

/** The sources a server hosts, each with its Session actor, which goes on from session to session. */
export class Sources {
  /** The names of all of them, with a session or without. */
  readonly names: readonly string[];
  readonly #options: SourcesOptions;
  readonly #sessions = new Map<string, Ref<SessionProtocol>>();
  /** Why the session of a relayed source has ended at the other server. */
  readonly #ends = new Map<string, { session: string; reason: string }>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.names = [...options.config.sources, ...options.groups.names];
  }

  /** The Session of every source that has one. */
  sessions(): Iterable<Ref<SessionProtocol>> {
    return this.#sessions.values();
  }

  /** @throws ProtocolError `ERR_UNKNOWN_SOURCE`; `ERR_NO_SESSION` while a relayed source has none */
  session(source: string): Ref<SessionProtocol> {
    this.check(source);
    const session = this.#sessions.get(source);
    if (session) return session;
    const message = `source ${source} has no session yet: the server it is relayed from has not been reached`;
    throw new ProtocolError('ERR_NO_SESSION', message);
  }

  /** @throws ProtocolError `ERR_UNKNOWN_SOURCE` */
  check(source: string): void {
    if (this.names.includes(source)) return;
    throw new ProtocolError('ERR_UNKNOWN_SOURCE', `no source ${source}; this server has ${this.names.join(', ')}`);
  }

  /** The name of the relay that alone feeds a source, if one does. */
  relayOf(source: string): string | undefined {
    return this.#options.config.inputs.find((input) => input.kind === 'relay' && input.source === source)?.name;
  }

  /** The Session of the source a log belongs to; `undefined` when the log is not known any more. */
  sessionOfLog(log: number): Ref<SessionProtocol> | undefined {
    const source = this.#options.store.log(log)?.source;
    return source === undefined ? undefined : this.#sessions.get(source);
  }

  /**
   * Every source goes on with its active session, or starts one; a relayed source waits for the name of its session, and
   * that of a group is never rolled.
   */
  async open(): Promise<void> {
    const { store, roller, groups } = this.#options;
    for (const source of this.names) {
      const isRelayed = this.relayOf(source) !== undefined;
      if (isRelayed && !store.activeSession(source)) continue;
      const session = await this.#start(await roller.ask('open', { source }, { timeoutMs: openMs }));
      const isRolled = !isRelayed && !groups.names.includes(source);
      if (isRolled) await roller.ask('serve', { source, session }, { timeoutMs: openMs });
    }
    this.#nameUnserved();
  }

  /** A source that was served before and is not now would only look alive. */
  #nameUnserved(): void {
    const { store, logger } = this.#options;
    for (const { source, session, state } of store.sessions()) {
      if (state === 'ended' || this.names.includes(source)) continue;
      logger.warn({ source, session }, 'source has an active session but is not served; add it with --source');
    }
  }

  /** A source as the inputs see it. */
  fed(source: string): FedSource {
    const { store } = this.#options;
    return {
      session: () => this.#sessions.get(source),
      position: async (input) => {
        const session = this.#sessions.get(source);
        return session
          ? session.ask('inputPosition', { input }, { timeoutMs: positionMs })
          : store.inputPosition(source, input);
      },
      openSession: (session, epoch) => this.#openSession(source, session, epoch),
      endOfDay: (session, reason) => this.#endOfDay(source, session, reason),
      discard: (session, reason) => this.#discard(source, session, reason),
    };
  }

  /** The active session is the one of that name from now on. */
  async #openSession(source: string, session: string, upstreamEpoch: string | undefined): Promise<void> {
    const { store, discards } = this.#options;
    // An earlier attempt, of which nobody could tell, shows when the database is open again.
    await store.ready();
    const active = store.activeSession(source);
    if (active && !this.#sessions.has(source)) await this.#start(active);
    if (active?.session === session) return;
    if (store.findSession(source, session)) {
      const message = `source ${source} has had a session ${session}, which has ended: it cannot be continued`;
      throw new InputError('ERR_INPUT_NUMBERS', message);
    }
    if (!active) {
      await this.#start(await store.createSession(source, session, upstreamEpoch));
      this.#options.logger.info({ source, session, nextSeq: 1, resumed: false }, 'session open');
      return;
    }
    const end = this.#ends.get(source);
    const begun = `session ${session} has begun at the server it is relayed from`;
    const reason = end?.session === active.session ? end.reason : begun;
    const roll = { session, upstreamEpoch, reason, discardReason: discards.announced(source, active.number) };
    await this.session(source).ask('roll', roll, { timeoutMs: rollMs });
  }

  /** A relayed session ends here when it is known what follows it there: a source is never without an active one. */
  async #endOfDay(source: string, session: string, reason: string): Promise<void> {
    if (this.relayOf(source) !== undefined) this.#ends.set(source, { session, reason });
    else await this.#options.roller.ask('endOfDay', { source, session, reason }, { timeoutMs: rollMs });
  }

  /**
   * What was discarded at the server it is relayed from is discarded here, if it is the same: of the epoch that was
   * relayed, or of the same contents. The end of a relayed session is not known here before the next one is: until then
   * it is active, and is marked by its end.
   */
  async #discard(source: string, { session, epoch, digest }: ContinuedSession, reason: string): Promise<void> {
    const { store, discards, logger } = this.#options;
    const own = store.findSession(source, session);
    if (!own || own.discarded) return;
    const isSame = own.upstreamEpoch === epoch || (own.digest !== undefined && own.digest === digest);
    if (!isSame) return;
    if (own.state === 'active' && this.relayOf(source) !== undefined) return discards.announce(own, reason);
    await discards.mark(own, reason);
    logger.info({ source, session, reason }, 'session is discarded, as at the server it is relayed from');
  }

  async #start(log: Log): Promise<Ref<SessionProtocol>> {
    const { store, config, calendar, clock, spawner, groups } = this.#options;
    const { publishBytesMax } = config;
    const parameters = { store, log, calendar, publishBytesMax, clock, ...(await groups.open(log)) };
    const session = await spawner.spawn({ actor: SessionActor }, { name: `Session of ${log.source}`, parameters });
    this.#sessions.set(log.source, session);
    return session;
  }
}
