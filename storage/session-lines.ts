import { strict as assert } from 'node:assert';
import type { SessionSummary } from '../protocol/index.js';
import { type CatalogueRow, catalogueDeletion, catalogueWrite } from './catalogue.js';
import type { Committer } from './committer.js';
import { StorageError } from './errors.js';
import type { Operation } from './level.js';
import type { Log } from './log.js';
import type { Reservation } from './reservations.js';
import type { Sessions } from './sessions.js';

/** What may be changed in the line of a session that has ended; `undefined` takes it out. */
export type Change = { [Field in 'checked' | 'archivedMs' | 'discarded']?: CatalogueRow[Field] | undefined };

/** What {@link SessionLines} work on. */
export interface SessionLinesOptions {
  committer: Pick<Committer, 'write'>;
  sessions: Sessions;
}

/** The lines of sessions that have ended: changed one after the other, for each is written whole. */
export class SessionLines {
  readonly #options: SessionLinesOptions;
  /** Those of which nobody can tell whether they are removed, by number: only a removal may follow. */
  readonly #doomed = new Set<number>();
  #changing: Promise<unknown> = Promise.resolve();

  constructor(options: SessionLinesOptions) {
    this.#options = options;
  }

  /**
   * @param change what is to be changed of the line as it is then; `undefined`: nothing
   * @throws StorageError when it could not be written; `ERR_SESSION_REMOVED` when it is being removed, or is not known
   *   any more: one that was removed may be forgotten, or restored in another log
   */
  change(log: Log, change: (row: CatalogueRow) => Change | undefined): Promise<SessionSummary> {
    const { committer, sessions } = this.#options;
    return this.#inTurn(async () => {
      if (log.isRemoved && sessions.log(log.number) !== log) throw removed(log, 'was removed');
      const entry = sessions.entry(log);
      assert(entry.row.ended, `log ${log.number} has not ended`);
      const changes = change(entry.row);
      if (changes === undefined) return sessions.summary(log);
      if (this.#doomed.has(log.number)) throw removed(log, 'is being removed');
      const row = { ...entry.row, ...changes } as CatalogueRow;
      await committer.write([catalogueWrite(log.number, row)], 'disk');
      entry.row = row;
      return sessions.summary(log);
    });
  }

  /**
   * Remove a session: whoever reads it finds that all of it is gone. Its line is kept to say so.
   * @param operations to be written in the same batch
   * @throws StorageError when it could not be written: the session is still there, and is to be removed again
   */
  remove(log: Log, operations: Operation[]): Promise<void> {
    const { sessions } = this.#options;
    return this.#inTurn(async () => {
      const entry = sessions.entry(log);
      assert(entry.row.ended, `log ${log.number} has not ended`);
      if (log.isRemoved) return;
      const { removedMs, forgotten } = sessions.removal(log.source);
      const row = { ...entry.row, lastSeq: log.lastSeq, removedMs };
      const deletions = forgotten.map(({ log: { number } }) => catalogueDeletion(number));
      await this.#writeRemoval(log, [...operations, catalogueWrite(log.number, row), ...deletions]);
      entry.row = row;
      sessions.removed(entry, forgotten);
    });
  }

  /**
   * Have the line of a restored session written, while no other is: that of the removed one whose name it has goes.
   * @throws StorageError when it could not be written, or nobody can tell
   */
  restore(reservation: Reservation, log: Log, operations: Operation[]): Promise<SessionSummary> {
    const { committer, sessions } = this.#options;
    return this.#inTurn(async () => {
      reservation.row = sessions.continued(reservation.row);
      const { row, number } = reservation;
      const lines = [catalogueWrite(number, row), ...sessions.replacing(row)];
      await sessions.enter(reservation, log, () => committer.write([...lines, ...operations], 'disk'));
      return sessions.summary(log);
    });
  }

  async #writeRemoval(log: Log, operations: Operation[]): Promise<void> {
    try {
      await this.#options.committer.write(operations, 'disk');
      this.#doomed.delete(log.number);
    } catch (error) {
      if ((error as StorageError).code === 'ERR_OUTCOME_UNKNOWN') this.#doomed.add(log.number);
      throw error;
    }
  }

  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(job);
    this.#changing = done.catch(() => {});
    return done;
  }
}

function removed({ source, session }: Log, how: string): StorageError {
  return new StorageError('ERR_SESSION_REMOVED', `session ${session} of source ${source} ${how}`);
}
