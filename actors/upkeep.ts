import { join } from 'node:path';
import type { Logger } from 'pino';
import type { SessionSummary } from '../protocol/index.js';
import {
  type ArchiveWork,
  archiveName,
  archiveSession,
  checkSession,
  expiredSessions,
  isThere,
  type RetentionLimits,
} from '../storage/archive/index.js';
import { type Log, StorageError, type Store } from '../storage/index.js';

/** What an {@link Upkeep} goes by. */
export interface UpkeepOptions {
  store: Store;
  /** Where ended sessions are archived; absent: they are not. */
  archiveDirectory?: string | undefined;
  retention: RetentionLimits;
  /** A session that is due to be removed is kept so long for those who read it. */
  retentionGraceMs: number;
  /** Milliseconds since 1970. */
  clock: () => number;
  logger: Logger;
}

/** What has failed for a session is tried again after this long. */
const retryMs = 60_000;

/**
 * What becomes of ended sessions by itself: each is read as a whole once, which gives its digest and finds what is
 * damaged; then it is archived, when there is a directory for it; then, when retention wants it, it is removed.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  /** By number of the log: when something has failed, which is to be tried again. */
  readonly #failedMs = new Map<number, number>();
  /** By number of the log: since when it is to be removed. */
  readonly #dueMs = new Map<number, number>();
  #doing: string | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** What it works at, in words. */
  get doing(): string | undefined {
    return this.#doing;
  }

  /**
   * Do the next thing there is to do, for one session.
   * @returns whether there was any
   * @throws what `work.pause` has thrown; anything that goes wrong with the session is logged, and tried again later
   */
  async once(work: ArchiveWork): Promise<boolean> {
    const { archiveDirectory } = this.#options;
    const sessions = this.#sessions();
    const ended = sessions.filter(({ log, state }) => state === 'ended' && !this.#isPostponed(log));
    const unread = ended.find(({ checkedMs }) => checkedMs === undefined);
    if (unread) return await this.#try('verify', unread, (log) => this.#check(log, work));
    const unkept = archiveDirectory && ended.find(({ archivedMs }) => archivedMs === undefined);
    if (unkept) return await this.#try('archive', unkept, (log) => this.#archive(log, archiveDirectory, work));
    const removable = this.#removable(sessions);
    if (removable) return await this.#try('remove', removable, (log) => this.#remove(log, work));
    return false;
  }

  /** Of each source, the newest last. */
  #sessions(): SessionSummary[] {
    const { store } = this.#options;
    const sources = new Set(store.sessions().map(({ source }) => source));
    return [...sources].flatMap((source) => store.sessions(source));
  }

  #isPostponed(log: number): boolean {
    const failedMs = this.#failedMs.get(log);
    if (failedMs === undefined) return false;
    const passedMs = this.#options.clock() - failedMs;
    // The clock may have been put back, by years.
    return passedMs >= 0 && passedMs < retryMs;
  }

  async #try(what: string, session: SessionSummary, job: (log: Log) => Promise<void>): Promise<true> {
    const { store, clock, logger } = this.#options;
    const { source, session: name, log } = session;
    this.#doing = `${what} session ${name} of ${source}`;
    try {
      await job(store.log(log)!);
      this.#failedMs.delete(log);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#failedMs.set(log, clock());
      logger.error({ source, session: name, err: error, retryMs }, `could not ${what} a session`);
    } finally {
      this.#doing = undefined;
    }
    return true;
  }

  async #check(log: Log, work: ArchiveWork): Promise<void> {
    const { store, logger } = this.#options;
    const { lost, losses, ...found } = await checkSession(store, log, work);
    const { source, session } = log;
    const digest = store.summary(log).digest;
    if (lost > 0) logger.error({ source, session, lost, losses }, 'a session is damaged: messages of it are lost');
    else if (digest !== found.digest) logger.error({ source, session, digest, found }, 'a session has another digest');
    else logger.info({ source, session, bytes: found.bytes, digest }, 'session verified');
  }

  async #archive(log: Log, directory: string, work: ArchiveWork): Promise<void> {
    const { source, session } = log;
    const path = pathOf(log, directory);
    const { fileBytes, index } = await archiveSession(this.#options.store, log, path, work);
    const { digest, lost } = index;
    const { logger } = this.#options;
    if (lost.length > 0) logger.error({ source, session, path, lost }, 'a damaged session is archived as it is');
    else logger.info({ source, session, path, fileBytes, digest }, 'session archived');
  }

  /** Its archive is read once more, for then that is all there is of it; one that was moved away is left alone. */
  async #remove(log: Log, work: ArchiveWork): Promise<void> {
    const { store, logger, archiveDirectory } = this.#options;
    if (archiveDirectory !== undefined && (await isThere(pathOf(log, archiveDirectory), work))) {
      await archiveSession(store, log, pathOf(log, archiveDirectory), work);
    }
    await store.keeping.remove(log);
    this.#dueMs.delete(log.number);
    this.#failedMs.delete(log.number);
    logger.info({ source: log.source, session: log.session }, 'session removed by retention');
  }

  /** The oldest session that is to be removed, and may be by now. */
  #removable(sessions: readonly SessionSummary[]): SessionSummary | undefined {
    const { retention, clock } = this.#options;
    const nowMs = clock();
    const expired = expiredSessions(sessions, retention, nowMs);
    const due = new Set(expired.map(({ log }) => log));
    for (const log of this.#dueMs.keys()) if (!due.has(log)) this.#dueMs.delete(log);
    // Not later than now, though the clock was put back: no reader holds a session for longer than the grace.
    for (const log of due) this.#dueMs.set(log, Math.min(nowMs, this.#dueMs.get(log) ?? nowMs));
    return expired.find((session) => !this.#isPostponed(session.log) && this.#mayGo(session, nowMs));
  }

  /** What is to be archived waits for it; what is being read waits for its reader, but not for ever. */
  #mayGo({ log, archivedMs }: SessionSummary, nowMs: number): boolean {
    const { archiveDirectory, retentionGraceMs, store } = this.#options;
    if (archiveDirectory !== undefined && archivedMs === undefined) return false;
    const { lastReadMs } = store.log(log)!;
    const isRead = lastReadMs > 0 && nowMs - lastReadMs < retentionGraceMs;
    return !isRead || nowMs - this.#dueMs.get(log)! >= retentionGraceMs;
  }
}

function pathOf({ source, session }: Log, directory: string): string {
  return join(directory, archiveName(source, session));
}
