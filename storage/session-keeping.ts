import type { SessionSummary } from '../protocol/index.js';
import type { SessionCheck, SessionFindings } from './catalogue.js';
import type { Log } from './log.js';
import { orphanWrite } from './orphans.js';
import type { Page } from './page.js';
import type { PageReader } from './page-reader.js';
import { Restoring, type RestoringParts } from './restoring.js';

/** What {@link SessionKeeping} works on. */
export interface SessionKeepingParts extends RestoringParts {
  pages: PageReader;
  /** Milliseconds since 1970. */
  clock: () => number;
  randomEpoch: () => string;
  /** Put the receipts there are in rows: those that are with a block do not outlast it. */
  saveReceipts: () => Promise<void>;
}

/** A session as an archive tells it. */
export interface ArchivedSession {
  source: string;
  session: string;
  createdMs: number;
  endedMs: number;
  reason: string;
  /** Why what it holds is not to be used; absent when it is. */
  discardReason?: string | undefined;
  lastSeq: number;
  findings: SessionFindings;
}

/** What becomes of sessions that have ended: they are read as a whole, archived, removed, restored. */
export class SessionKeeping {
  readonly #parts: SessionKeepingParts;

  constructor(parts: SessionKeepingParts) {
    this.#parts = parts;
  }

  /**
   * The page of a log from `from` on as it is on disk, whatever readers have in memory; it counts as no use of the
   * session, and pushes nothing out of the page cache.
   */
  read(log: Log, from: number): Promise<Page> {
    return this.#parts.pages.readFromDisk(log, from);
  }

  /**
   * Put on record what reading all of a session has found now. The digest is that of the whole session,
   * from when it was whole first.
   * @throws StorageError when it could not be written
   */
  checked(log: Log, findings: SessionFindings): Promise<SessionSummary> {
    const { clock, lines } = this.#parts;
    return lines.change(log, ({ checked, removedMs }) =>
      removedMs === undefined ? { checked: checkOf(findings, clock(), checked?.digest) } : undefined,
    );
  }

  /** Put on record that a session is archived. */
  archived(log: Log): Promise<SessionSummary> {
    const { clock, lines } = this.#parts;
    return lines.change(log, ({ removedMs }) => (removedMs === undefined ? { archivedMs: clock() } : undefined));
  }

  /**
   * Put on record that what a session holds is not to be used. One that is marked stays as it is; an archive of it is to
   * be marked too, so it counts as not archived.
   * @throws StorageError when it could not be written
   */
  discard(log: Log, reason: string): Promise<SessionSummary> {
    const { clock, lines } = this.#parts;
    return lines.change(log, ({ discarded }) => {
      if (discarded) return undefined;
      return { discarded: { atMs: clock(), reason }, archivedMs: undefined };
    });
  }

  /** The sessions of one source, or of all, that are discarded; also those that were removed, while they are known. */
  discardedSessions(source?: string): SessionSummary[] {
    return this.#parts.sessions.discarded(source);
  }

  /**
   * Remove an ended session. Nothing of it can be read when this resolves; its blocks are deleted in the background. Who
   * reads it, or comes to, is told that they are lost to retention, how it ended and what is behind it.
   * @throws StorageError when it could not be written: the session is still there
   */
  async remove(log: Log): Promise<void> {
    const { lines, orphans, saveReceipts } = this.#parts;
    if (log.receiptsSeq < log.lastSeq) await saveReceipts();
    await lines.remove(log, [orphanWrite(log.number)]);
    orphans.add(log.number);
  }

  /** One step of the deletion of blocks that belong to no session, now. @returns whether there were any */
  deleteOrphansOnce(): Promise<boolean> {
    return this.#parts.orphans.once();
  }

  /**
   * Start to bring a session back, in a log and an epoch of its own. Its name is taken from now on.
   * @throws StorageError `ERR_SESSION_EXISTS`; when it could not be written
   */
  async restore(archived: ArchivedSession): Promise<Restoring> {
    const { clock, randomEpoch } = this.#parts;
    const { source, session, createdMs, endedMs, reason, discardReason, lastSeq, findings } = archived;
    const nowMs = clock();
    return Restoring.begin(this.#parts, {
      source,
      session,
      epoch: randomEpoch(),
      createdMs,
      lastSeq,
      ended: { atMs: endedMs, reason },
      ...(discardReason !== undefined && { discarded: { atMs: nowMs, reason: discardReason } }),
      checked: checkOf(findings, 0),
      archivedMs: nowMs,
      restoredMs: nowMs,
    });
  }
}

/** @param known the digest there is already */
function checkOf({ digest, ...found }: SessionFindings, atMs: number, known?: string): SessionCheck {
  const whole = known ?? (found.lost === 0 ? digest : undefined);
  return { ...found, atMs, ...(whole !== undefined && { digest: whole }) };
}
