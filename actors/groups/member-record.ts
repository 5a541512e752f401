import type { Logger } from 'pino';
import type { Durability } from '../../protocol/index.js';
import {
  type Log,
  type MemberRow,
  memberWrite,
  type Operation,
  StorageError,
  type Store,
} from '../../storage/index.js';
import type { MemberStreams } from './member-streams.js';
import type { Membership } from './membership.js';

/** What a {@link MemberRecord} works on. */
export interface MemberRecordParts {
  store: Store;
  log: Log;
  /** Who is connected and has not acknowledged a message for longer is away. */
  lagMs: number;
  membership: Membership;
  streams: MemberStreams;
  /** Milliseconds since 1970, never backwards. */
  now: () => number;
  /** Do this when no command of that participant is being done. */
  inTurn(participant: string, job: () => Promise<void>): Promise<void>;
  /** Whether a command of that participant is being done. */
  isBusy(participant: string): boolean;
  logger: Logger;
}

/** Who is connected is put on record as seen that often: so much may be missing after a crash. */
const seenEveryMs = 4_000;

/**
 * What is on record of a group: what its commands write, what its participants have acknowledged, which is written a
 * little later, and where its log begins.
 */
export class MemberRecord {
  readonly #parts: MemberRecordParts;
  /** Participants of whom nobody can tell whether their last command was written. */
  readonly #doubtful = new Set<string>();
  /** Claims that are being looked up: until they are known nothing is trimmed. */
  #claims = 0;
  #working = false;
  #closed = false;

  constructor(parts: MemberRecordParts) {
    this.#parts = parts;
  }

  /**
   * Put on record what a command does; resolves when it is on disk.
   * @throws StorageError when it could not be written
   */
  async write(participant: string, operation: Operation): Promise<void> {
    try {
      await this.#parts.store.committer.write([operation], 'disk');
    } catch (error) {
      this.#doubtful.add(participant);
      throw error;
    }
  }

  /** The write of a participant's row. */
  rowWrite(row: MemberRow): Operation {
    return memberWrite(this.#parts.log.source, row);
  }

  /** Look up a claim: nothing is trimmed meanwhile. */
  async claiming<T>(lookUp: () => Promise<T>): Promise<T> {
    this.#claims += 1;
    try {
      return await lookUp();
    } finally {
      this.#claims -= 1;
    }
  }

  /**
   * Put on record what is not, and trim what nobody has a claim to, in one batch: so no cursor that is on record is behind
   * what was trimmed because of it. It does nothing while it is under way.
   */
  async upkeep(): Promise<void> {
    const { membership, store, log, now } = this.#parts;
    if (this.#working || this.#closed || store.unavailable()) return;
    this.#working = true;
    const nowMs = now();
    membership.seen(nowMs, seenEveryMs);
    try {
      await this.#leaveBehind(nowMs);
      const firstSeq = this.#claims > 0 ? log.firstSeq : await this.#firstClaimed(nowMs);
      if (firstSeq > log.firstSeq) await this.#save((rows) => store.groups.trim(log, firstSeq, nowMs, rows));
      else await this.#saveRows('os');
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#working = false;
    }
  }

  /** Somebody has gone: that is to be on record before the next {@link upkeep}. */
  saveSoon(): void {
    setImmediate(() => {
      if (!this.#working && !this.#closed) this.#saveRows('os').catch((error) => this.#failed(error));
    });
  }

  /** Put everything on record; nothing more follows. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#saveRows('disk');
  }

  /** The store is open again: what was in doubt can be looked up. */
  reopened(): void {
    for (const participant of this.#doubtful) {
      this.#doubtful.delete(participant);
      this.#parts
        .inTurn(participant, () => this.#lookUp(participant))
        .catch((error) => {
          this.#doubtful.add(participant);
          this.#failed(error);
        });
    }
  }

  /** Without this, one participant that acknowledges nothing would have the log grow for ever. */
  async #leaveBehind(nowMs: number): Promise<void> {
    const { membership, store, log, lagMs, streams, isBusy } = this.#parts;
    if (membership.behind(log.lastSeq + 1).next().done) return;
    const since = await store.groups.firstSince(log, log.firstSeq, nowMs - lagMs);
    for (const participant of [...membership.behind(since)]) {
      if (!isBusy(participant)) streams.tooFarBehind(participant, lagMs);
    }
  }

  /** The first message anybody has a claim to, at this time or later. */
  async #firstClaimed(nowMs: number): Promise<number> {
    const { membership, store, log } = this.#parts;
    const nextSeq = log.lastSeq + 1;
    const { fromSeq = nextSeq, sinceMs } = membership.claimed(nowMs);
    const since = sinceMs === undefined ? nextSeq : await store.groups.firstSince(log, log.firstSeq, sinceMs);
    return Math.min(fromSeq, since);
  }

  async #saveRows(durability: Durability): Promise<void> {
    await this.#save(async (rows) => {
      const operations = rows();
      if (operations.length > 0) await this.#parts.store.committer.write(operations, durability);
    });
  }

  /**
   * Write what is not on record. The rows are taken in the turn in which they are written, and none of one whose command
   * is being done: an older row must not overwrite a newer one.
   */
  async #save(write: (rows: () => Operation[]) => Promise<void>): Promise<void> {
    const { membership, isBusy } = this.#parts;
    let taken: MemberRow[] = [];
    try {
      await write(() => {
        taken = membership.takeUnsaved((participant) => !isBusy(participant));
        return taken.map((row) => this.rowWrite(row));
      });
    } catch (error) {
      membership.unsaved(taken);
      throw error;
    }
  }

  async #lookUp(participant: string): Promise<void> {
    const { store, log, membership, streams } = this.#parts;
    const row = await store.groups.member(log.source, participant);
    const known = membership.find(participant);
    if (row && known) membership.unsaved([known]);
    else if (row) membership.restore(row, log.lastSeq);
    else if (known) {
      membership.remove(participant);
      streams.end(participant);
    }
  }

  /** It is tried again a second later. What is no failure of storage is a bug. */
  #failed(error: unknown): void {
    if (!(error instanceof StorageError)) throw error;
    const { log, logger } = this.#parts;
    logger.warn({ err: error, group: log.source }, 'what is known of participants could not be put on record');
  }
}
