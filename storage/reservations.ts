import { type CatalogueRow, readCatalogueRow } from './catalogue.js';
import { StorageError } from './errors.js';
import type { LevelHandle } from './level.js';
import type { Log } from './log.js';
import type { SessionEntry } from './source-sessions.js';

/**
 * The name of a session that is on its way into the catalogue. Nobody else gets it, nor does another session of its
 * source become active, before it is known what has become of this one.
 */
export class Reservation {
  row: CatalogueRow;
  /** Of its log. */
  readonly number: number;
  /** There once its line is being written. */
  log: Log | undefined;
  /** Nobody could tell whether its line was written; the database will, when it is open again. */
  isDoubtful = false;
  /** Called when the database says that a doubtful one is not there. */
  onMissing: () => void = () => {};

  constructor(row: CatalogueRow, number: number) {
    this.row = row;
    this.number = number;
  }
}

/** All reservations there are. */
export class Reservations {
  readonly #reservations = new Set<Reservation>();

  /** Names that are taken, of a source. */
  names(source: string): string[] {
    return [...this.#reservations].filter(({ row }) => row.source === source).map(({ row }) => row.session);
  }

  /** That of a session that has not ended. */
  starting(source: string): Reservation | undefined {
    return [...this.#reservations].find(({ row }) => row.source === source && row.ended === undefined);
  }

  /** @throws StorageError `ERR_SESSION_EXISTS` when the name is taken by another one */
  add(reservation: Reservation): Reservation {
    const { source, session } = reservation.row;
    if (this.names(source).includes(session)) {
      throw new StorageError('ERR_SESSION_EXISTS', `a session ${session} of source ${source} is being written already`);
    }
    this.#reservations.add(reservation);
    return reservation;
  }

  /** The name is free again, or its session is there. */
  release(reservation: Reservation): void {
    this.#reservations.delete(reservation);
  }

  /**
   * Have its line written, as the session of that log. When nobody can tell whether it was, it stays until
   * {@link recover}.
   * @returns the entry for the catalogue
   * @throws StorageError when it could not be written: it is still there, to be written again or released
   */
  async write(reservation: Reservation, log: Log, write: () => Promise<void>): Promise<SessionEntry> {
    reservation.log = log;
    try {
      await write();
    } catch (error) {
      reservation.isDoubtful = (error as StorageError).code === 'ERR_OUTCOME_UNKNOWN';
      throw error;
    }
    this.release(reservation);
    return { log, row: reservation.row };
  }

  /**
   * Look for the lines that are being written in a database that was opened again.
   * @returns the step that takes in those that are there
   */
  async recover(level: LevelHandle, takeIn: (entry: SessionEntry) => void): Promise<() => void> {
    const written = [...this.#reservations].filter(({ log }) => log !== undefined);
    const rows = await Promise.all(written.map(({ number }) => readCatalogueRow(level, number)));
    return () => {
      for (const [index, reservation] of written.entries()) {
        if (rows[index]) takeIn({ log: reservation.log!, row: reservation.row });
        else if (reservation.isDoubtful) reservation.onMissing();
        else continue;
        this.release(reservation);
      }
    };
  }
}
