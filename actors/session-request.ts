import { ProtocolError, type SessionSummary, type SubscribeBody } from '../protocol/index.js';

/**
 * What becomes of a request for a session:
 * `subscribe` – joins the broadcast of an active session at `next`;
 * `pull` – unicast of a session that has ended, from `next`; it never joins the broadcast;
 * `reset` – the position is of another epoch, it means nothing in this log.
 */
export type SessionDecision = { action: 'subscribe' | 'pull'; next: number } | { action: 'reset' };

/**
 * Decide a request against the session as it is at this moment.
 * @throws ProtocolError `ERR_BEYOND_NEXT` when the first number wanted is further away than the next one
 */
export function decideRequest(request: SubscribeBody, session: SessionSummary): SessionDecision {
  if (request.epoch !== undefined && request.epoch !== session.epoch) return { action: 'reset' };
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

/** Absent is live only, 0 the newest message (the next one while there is none), n that number. */
function firstNumber(from: number | undefined, session: SessionSummary): number {
  if (from === undefined) return session.lastSeq + 1;
  if (from > 0) return from;
  return session.lastSeq >= session.firstSeq ? session.lastSeq : session.lastSeq + 1;
}
