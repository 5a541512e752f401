import type { SessionSummary } from '../../protocol/index.js';

/** How long ended sessions are kept. A limit of 0 is none. */
export interface RetentionLimits {
  /** Milliseconds since a session's end, or its restore. */
  ageMs: number;
  /** Ended sessions of one source. */
  count: number;
  /** Bytes of the ended sessions of all sources together. */
  bytes: number;
}

/**
 * The sessions that are to be removed, the oldest first. The newest session of a source is never among them: its name
 * says how the next one is called. A session whose size is not known yet counts as nothing.
 * @param sessions all there are, the newest of each source last
 * @param nowMs milliseconds since 1970
 */
export function expiredSessions(
  sessions: readonly SessionSummary[],
  { ageMs, count, bytes }: RetentionLimits,
  nowMs: number,
): SessionSummary[] {
  const newest = new Map(sessions.map((session) => [session.source, session]));
  const ended = byAge(sessions.filter(({ state }) => state === 'ended'));
  const left = new Map<string, number>();
  for (const { source } of ended) left.set(source, (left.get(source) ?? 0) + 1);
  let leftBytes = ended.reduce((sum, session) => sum + (session.bytes ?? 0), 0);
  const expired: SessionSummary[] = [];
  for (const session of ended) {
    if (newest.get(session.source) === session) continue;
    const tooOld = ageMs > 0 && nowMs - keptFrom(session) >= ageMs;
    const tooMany = count > 0 && left.get(session.source)! > count;
    const tooLarge = bytes > 0 && leftBytes > bytes;
    if (!tooOld && !tooMany && !tooLarge) continue;
    expired.push(session);
    left.set(session.source, left.get(session.source)! - 1);
    leftBytes -= session.bytes ?? 0;
  }
  return expired;
}

/** The oldest first. Of one source, the one in front is the older one, though the clock was put back between them. */
function byAge(sessions: readonly SessionSummary[]): SessionSummary[] {
  const lastMs = new Map<string, number>();
  const aged = sessions.map((session) => {
    const { source, restoredMs } = session;
    if (restoredMs !== undefined) return { session, fromMs: restoredMs };
    const fromMs = Math.max(lastMs.get(source) ?? 0, keptFrom(session));
    lastMs.set(source, fromMs);
    return { session, fromMs };
  });
  return aged.sort((one, other) => one.fromMs - other.fromMs).map(({ session }) => session);
}

/** A session that was restored is as good as one that has just ended. */
function keptFrom({ createdMs, endedMs = createdMs, restoredMs = endedMs }: SessionSummary): number {
  return restoredMs;
}
