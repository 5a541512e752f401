import type { Logger } from 'pino';
import { ProtocolError } from '../protocol/index.js';
import type { Log, Store } from '../storage/index.js';
import type { FedSource } from './inputs/input.js';
import { InputError } from './inputs/input-error.js';
import type { Ref, Spawner } from './runtime/index.js';
import type { ServerConfig } from './server-config.js';
import SessionActor, { type SessionProtocol } from './session.js';
import { nextSessionName } from './session-name.js';

/** What {@link Sources} work with. */
export interface SourcesOptions {
  store: Store;
  config: ServerConfig;
  /** Makes the Session actors. */
  spawner: Spawner;
  /** Milliseconds since 1970. */
  clock: () => number;
  logger: Logger;
}

/** An end waits for what is queued, and for a disk that is away. */
const endMs = 600_000;
const positionMs = 600_000;

/** The sources a server hosts, each with the Session actor of its active session. */
export class Sources {
  /** The names of all of them, with a session or without. */
  readonly names: readonly string[];
  readonly #options: SourcesOptions;
  readonly #sessions = new Map<string, Ref<SessionProtocol>>();
  readonly #ofLogs = new Map<number, Ref<SessionProtocol>>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.names = options.config.sources;
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

  /** The Session of a log that is, or was, active since the start. */
  sessionOfLog(log: number): Ref<SessionProtocol> {
    const session = this.#ofLogs.get(log);
    if (!session) throw new Error(`log ${log} has no session`);
    return session;
  }

  /** Every source goes on with its active session, or starts one; a relayed source waits for the name of its session. */
  async open(): Promise<void> {
    const { store, clock } = this.#options;
    for (const source of this.names) {
      const active = store.activeSession(source);
      if (!active && this.relayOf(source) !== undefined) continue;
      const names = store.sessions(source).map(({ session }) => session);
      await this.#start(
        active ?? (await store.createSession(source, nextSessionName(clock(), names))),
        active !== undefined,
      );
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
      openSession: (session) => this.#openSession(source, session),
      endOfDay: (session, reason) => this.#endOfDay(source, session, reason),
    };
  }

  /** The active session is the one of that name from now on. */
  async #openSession(source: string, session: string): Promise<void> {
    const { store } = this.#options;
    const active = store.activeSession(source);
    if (active?.session === session) return;
    if (store.findSession(source, session)) {
      const message = `source ${source} has had a session ${session}, which has ended: it cannot be continued`;
      throw new InputError('ERR_INPUT_NUMBERS', message);
    }
    if (active)
      await this.#endOfDay(source, active.session, `session ${session} has begun at the server it is relayed from`);
    await this.#start(await store.createSession(source, session), false);
  }

  async #endOfDay(source: string, session: string, reason: string): Promise<void> {
    if (this.#options.store.activeSession(source)?.session !== session) return;
    await this.#sessions.get(source)?.ask('endOfSession', { reason }, { timeoutMs: endMs });
  }

  async #start(log: Log, resumed: boolean): Promise<void> {
    const { store, config, clock, logger, spawner } = this.#options;
    const { source, session: name, nextSeq } = log;
    logger.info({ source, session: name, nextSeq, resumed }, 'session open');
    const parameters = { store, log, publishBytesMax: config.publishBytesMax, clock };
    const session = await spawner.spawn({ actor: SessionActor }, { name: `Session ${name}`, parameters });
    this.#sessions.set(source, session);
    this.#ofLogs.set(log.number, session);
  }
}
