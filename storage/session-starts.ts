import { type CatalogueRow, catalogueWrite, type Occasion } from './catalogue.js';
import type { Committer } from './committer.js';
import { StorageError } from './errors.js';
import type { Operation } from './level.js';
import { Log } from './log.js';
import type { Sessions } from './sessions.js';

/** How a session is rolled. */
export interface Roll {
  /** Name of the session that begins; one the source has not had before. */
  session: string;
  /** Of a session that is relayed: the epoch it has on the server it is relayed from. */
  upstreamEpoch?: string | undefined;
  /** Why the one before it ends. */
  reason: string;
  /** Why what the one before it holds is not to be used; absent when it is. */
  discardReason?: string | undefined;
}

/** What {@link SessionStarts} work on. */
export interface SessionStartsOptions {
  committer: Pick<Committer, 'write'>;
  sessions: Sessions;
  clock: () => number;
  randomEpoch: () => string;
  ringBytesMax: number;
}

/** How sessions begin: the first one of a source, and each behind the one that ends with it. */
export class SessionStarts {
  readonly #options: SessionStartsOptions;

  constructor(options: SessionStartsOptions) {
    this.#options = options;
  }

  /** As {@link Store.createSession}. */
  async create(source: string, session: string, upstreamEpoch: string | undefined): Promise<Log> {
    const { committer, sessions } = this.#options;
    if (sessions.active(source) || sessions.isStarting(source)) {
      throw new StorageError('ERR_SESSION_ACTIVE', `source ${source} has an active session`);
    }
    const begun = { source, session, upstreamEpoch };
    return await this.#begin(begun, (write) => committer.write([write], 'disk'));
  }

  /** As {@link Store.rollSession}. */
  roll(log: Log, roll: Roll): Promise<Log> {
    const { session, upstreamEpoch } = roll;
    return this.#begin({ source: log.source, session, upstreamEpoch }, (write) => this.#end(log, roll, write));
  }

  async #end(log: Log, { reason, discardReason }: Roll, along: Operation): Promise<void> {
    const { clock, committer, sessions } = this.#options;
    const entry = sessions.entry(log);
    const atMs = clock();
    const ended: Occasion = { atMs, reason };
    log.ending();
    const mark = discardReason !== undefined && { discarded: { atMs, reason: discardReason } };
    const row = { ...entry.row, lastSeq: log.lastSeq, ended, ...mark };
    try {
      await committer.write([catalogueWrite(log.number, row), along], 'disk');
    } catch (error) {
      log.notEnded();
      throw error;
    }
    entry.row = row;
    log.ended();
  }

  async #begin(
    { source, session, upstreamEpoch }: Pick<CatalogueRow, 'source' | 'session'> & Pick<Roll, 'upstreamEpoch'>,
    write: (line: Operation) => Promise<void>,
  ): Promise<Log> {
    const { sessions, clock, randomEpoch, ringBytesMax } = this.#options;
    const epoch = randomEpoch();
    const upstream = upstreamEpoch !== undefined && { upstreamEpoch };
    const reservation = sessions.reserve({ source, session, epoch, ...upstream, createdMs: clock(), lastSeq: 0 });
    const { row, number } = reservation;
    const log = new Log(
      { number, source, session, epoch, state: 'active', firstSeq: 1, lastSeq: 0, timeMs: 0, receiptsSeq: 0 },
      ringBytesMax,
    );
    try {
      return await sessions.enter(reservation, log, () => write(catalogueWrite(number, row)));
    } catch (error) {
      if (!reservation.isDoubtful) sessions.release(reservation);
      throw error;
    }
  }
}
