import type { Logger } from 'pino';
import { catalogueWrite } from './catalogue.js';
import type { Committer } from './committer.js';
import type { Database } from './database.js';
import { firstSince } from './first-since.js';
import type { Operation } from './level.js';
import type { Log } from './log.js';
import { type MemberRow, readMember, readMembers } from './member-row.js';
import { readPage } from './read-page.js';
import type { ReadSlots } from './read-slots.js';
import type { Sessions } from './sessions.js';
import type { Trimmer } from './trimmer.js';

/** What {@link GroupKeeping} works on. */
export interface GroupKeepingParts {
  database: Database;
  committer: Pick<Committer, 'write'>;
  sessions: Sessions;
  slots: ReadSlots;
  trimmer: Trimmer;
  logger: Logger;
}

/** What a group needs of the store beside a log: who its members are, what was sent since when, and an end to what nobody wants. */
export class GroupKeeping {
  readonly #parts: GroupKeepingParts;

  constructor(parts: GroupKeepingParts) {
    this.#parts = parts;
  }

  /**
   * The participants on record, in the order of their registration.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
   */
  members(source: string): Promise<MemberRow[]> {
    const { database, logger } = this.#parts;
    return database.read((level) => readMembers(level, source, logger));
  }

  /** What is on record of one participant; as {@link members}. */
  member(source: string, participant: string): Promise<MemberRow | undefined> {
    return this.#parts.database.read((level) => readMember(level, source, participant));
  }

  /**
   * The first message of a log, from `from` on, that was committed at `timeMs` or later; the number behind the last one
   * when there is none.
   * @throws StorageError `ERR_STORAGE_CLOSED`, `ERR_STORAGE_UNAVAILABLE`
   */
  firstSince(log: Log, from: number, timeMs: number): Promise<number> {
    const { database, slots } = this.#parts;
    const { lastSeq } = log;
    const read = (seq: number) =>
      slots.run(() => database.read((level) => readPage(level, log.number, seq, lastSeq, 1)));
    return firstSince(log, Math.max(from, log.firstSeq), timeMs, read);
  }

  /**
   * Keep of an active log what is at or behind `firstSeq`; the rest is deleted in the background, and who still asks for
   * it is told that it has expired.
   * One of a log is done after the other.
   * @param firstSeq behind the log's first number, at most its next one
   * @param atMs when it was found that nobody has a claim to it; whatever a clock says, no later block is older
   * @param along what is to be written in the same batch, asked for in the turn in which it is
   * @throws StorageError when it could not be written: nothing is trimmed
   */
  async trim(log: Log, firstSeq: number, atMs: number, along: () => Operation[]): Promise<void> {
    const { sessions, committer } = this.#parts;
    const entry = sessions.entry(log);
    const row = { ...entry.row, trimmed: { firstSeq, atMs }, lastSeq: log.lastSeq };
    await committer.write([catalogueWrite(log.number, row), ...along()], 'os');
    entry.row = row;
    log.trimmed(firstSeq, atMs);
  }

  /** One step of the deletion of what was trimmed, now. @returns whether there is more of it */
  deleteTrimmedOnce(): Promise<boolean> {
    return this.#parts.trimmer.once();
  }
}
