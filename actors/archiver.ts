import { join } from 'node:path';
import { type ArchiveAction, ProtocolError, type SessionReport, type SessionSummary } from '../protocol/index.js';
import {
  type ArchiveWork,
  archiveName,
  archiveSession,
  checkSession,
  restoreSession,
} from '../storage/archive/index.js';
import type { Log, Store } from '../storage/index.js';
import { archiveFailure } from './archive-failure.js';
import { Actor, type Behaviour, Mailbox } from './runtime/index.js';
import type { ServerConfig } from './server-config.js';
import { Upkeep } from './upkeep.js';

/** Which session is meant, and what is to be done with it. */
export interface ArchiveRequest {
  action: ArchiveAction;
  source: string;
  session: string;
}

/** What an Archiver understands. */
export type ArchiverProtocol = {
  /** Do it now; answered when it is done. */
  request: [ArchiveRequest, SessionReport];
  inspect: [Record<string, never>, { doing: string | null; waiting: number }];
};

/** What an Archiver is made of. */
export interface ArchiverParameters {
  store: Store;
  config: ServerConfig;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** How often it looks for something to do, once there was nothing. */
const lookMs = 1_000;
/** In the background it rests so long behind each stretch of 256 KiB: about 50 MB/s, and nobody notices. */
const restMs = 5;
/** Requests that may wait. */
const requestsMax = 100;

/** Work in the background has stopped for a request, or because the server does. */
class GaveWay extends Error {}

/**
 * Verifies, archives, restores and removes sessions that have ended: by itself, and on request, which comes first. One
 * thing at a time.
 */
export default class ArchiverActor
  extends Actor<ArchiverParameters, ArchiverProtocol>
  implements Behaviour<ArchiverProtocol>
{
  readonly #jobs = new Mailbox('an Archiver', requestsMax);
  #upkeep!: Upkeep;
  #timer: NodeJS.Timeout | undefined;
  #requested = 0;
  #doing: string | undefined;
  #stopped = false;

  override onStart(): void {
    const { store, config, clock } = this.parameters;
    const { archiveDirectory, retentionGraceMs } = config;
    const retention = {
      ageMs: config.retentionAgeMs,
      count: config.retentionCount,
      bytes: config.retentionBytes,
    };
    this.#upkeep = new Upkeep({ store, archiveDirectory, retention, retentionGraceMs, clock, logger: this.logger });
    this.#lookAfter(lookMs);
  }

  override async onStop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#jobs.run(() => {}).catch(() => {});
  }

  async request(request: ArchiveRequest): Promise<SessionReport> {
    this.#requested += 1;
    try {
      return await this.#jobs.run(() => this.#do(request));
    } catch (error) {
      throw error instanceof GaveWay
        ? new ProtocolError('ERR_SHUTTING_DOWN', `the server is shutting down; ask again to ${request.action}`)
        : archiveFailure(error);
    } finally {
      this.#requested -= 1;
    }
  }

  inspect(): { doing: string | null; waiting: number } {
    return { doing: this.#doing ?? this.#upkeep.doing ?? null, waiting: Math.max(0, this.#requested - 1) };
  }

  #lookAfter(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#look(), ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      const worked = await this.#jobs.run(() => this.#upkeep.once(this.#work(() => this.#rest())));
      this.#lookAfter(worked ? 0 : lookMs);
    } catch (error) {
      if (!(error instanceof GaveWay)) this.logger.error({ err: error }, 'the upkeep of sessions has failed');
      this.#lookAfter(lookMs);
    }
  }

  async #do({ action, source, session }: ArchiveRequest): Promise<SessionReport> {
    this.#doing = `${action} session ${session} of ${source}, as requested`;
    try {
      if (action === 'restore') return await this.#restore(source, session);
      const log = this.#find(source, session);
      return action === 'archive' ? await this.#archive(log) : await this.#verify(log);
    } finally {
      this.#doing = undefined;
    }
  }

  async #archive(log: Log): Promise<SessionReport> {
    const { store } = this.parameters;
    const path = this.#path(log.source, log.session);
    const { index, fileBytes } = await archiveSession(store, log, path, this.#work());
    return { ...reportOf(store.summary(log), index.lost), messages: index.messages, file: path, fileBytes };
  }

  async #verify(log: Log): Promise<SessionReport> {
    const { store } = this.parameters;
    const { lastSeq } = log;
    const { losses, lost, digest, bytes } = await checkSession(store, log, this.#work());
    const session = { digest, ...store.summary(log), bytes, lost };
    // A session that is as readable as it ever was, and says something else.
    const changed = lost === 0 && session.digest !== digest;
    const report = reportOf(session, changed ? [{ from: 1, to: lastSeq, reason: 'corrupt' }] : losses);
    return { ...report, messages: lastSeq - lost };
  }

  async #restore(source: string, session: string): Promise<SessionReport> {
    const path = this.#path(source, session);
    const restored = await restoreSession(this.parameters.store, path, {
      ...this.#work(),
      only: { source, session },
    });
    const { lastSeq, lost = 0 } = restored;
    return { ...reportOf(restored, []), messages: lastSeq - lost, file: path };
  }

  #find(source: string, session: string): Log {
    const { store } = this.parameters;
    const found = store.findSession(source, session);
    const log = found && store.log(found.log);
    if (log) return log;
    throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}`);
  }

  #path(source: string, session: string): string {
    const { archiveDirectory } = this.parameters.config;
    if (archiveDirectory !== undefined) return join(archiveDirectory, archiveName(source, session));
    throw new ProtocolError(
      'ERR_NO_ARCHIVE_DIRECTORY',
      'this server has no archiveDirectory; give it one, or stop it and name its --data directory',
    );
  }

  /** @param rest what is done between two stretches, besides letting everyone else have a turn */
  #work(rest: () => Promise<void> = async () => {}): ArchiveWork {
    const pause = async (): Promise<void> => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#stopped) throw new GaveWay('the server is shutting down');
      await rest();
    };
    return { pause, reserveBytes: this.parameters.config.diskReserveBytes };
  }

  async #rest(): Promise<void> {
    if (this.#requested > 0) throw new GaveWay('a request comes first');
    await new Promise<void>((resolve) => setTimeout(resolve, restMs).unref());
  }
}

/** At most the first hundred ranges are told. */
function reportOf(session: SessionSummary, losses: SessionReport['losses']): Omit<SessionReport, 'messages'> {
  return { session, losses: losses.slice(0, 100) };
}
