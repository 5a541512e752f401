import { ProtocolError, type SessionSummary, type SubscribeBody } from '../protocol/index.js';
import type { ClosedSessions } from './server-config.js';

/**
 * What becomes of a request for a session:
 * `subscribe` – joins the broadcast of an active session at `next`;
 * `pull` – unicast of a session that has ended, from `next`; it never joins the broadcast;
 * `reset` – the position is of another epoch, it means nothing in this log.
 */
export type SessionDecision = { action: 'subscribe' | 'pull'; next: number } | { action: 'reset' };

/**
 * Decide a request against the session as it is at this moment.
 * @param closedSessions `reject` is for new requests only: one that resumes in this epoch would lose the session's end
 * @throws ProtocolError `ERR_BEYOND_NEXT` when the first number wanted is further away than the next one;
 *   `ERR_SESSION_ENDED` when the session is not served any more
 */
export function decideRequest(
  request: SubscribeBody,
  session: SessionSummary,
  closedSessions: ClosedSessions,
): SessionDecision {
  if (request.epoch !== undefined && request.epoch !== session.epoch) return { action: 'reset' };
  if (request.epoch === undefined) checkServed(session, closedSessions);
  const next = firstNumber(request.from, session);
  const active = session.state === 'active';
  if (next > session.lastSeq + 1 && !(active && request.wait)) {
    throw new ProtocolError(
      'ERR_BEYOND_NEXT',
      `first number ${next} is beyond the next number ${session.lastSeq + 1} of session ${session.session}`,
    );
  }
  return { action: active ? 'subscribe' : 'pull', next };
}

/**
 * Whether somebody who is not reading it yet may have that session.
 * @throws ProtocolError `ERR_SESSION_ENDED`
 */
export function checkServed({ session, state, next }: SessionSummary, closedSessions: ClosedSessions): void {
  if (state === 'active' || closedSessions === 'pull') return;
  const behind = next === undefined ? '' : `; the one behind it is ${next}`;
  throw new ProtocolError('ERR_SESSION_ENDED', `session ${session} has ended and is not served any more${behind}`);
}

/** Absent is live only, 0 the newest message (the next one while there is none), n that number. */
function firstNumber(from: number | undefined, session: SessionSummary): number {
  if (from === undefined) return session.lastSeq + 1;
  if (from > 0) return from;
  return session.lastSeq >= session.firstSeq ? session.lastSeq : session.lastSeq + 1;
}
