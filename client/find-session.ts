import type { SessionSummary } from '../protocol/index.js';

/**
 * The session a request means, as the server would choose it.
 * @param sessions a catalogue, newest last
 * @param session blank means the active one, or the newest when none is active
 */
export function findSession(
  sessions: readonly SessionSummary[],
  source: string | undefined,
  session: string | undefined,
): SessionSummary | undefined {
  const own = sessions.filter((found) => found.source === source);
  if (session !== undefined) return own.find((found) => found.session === session);
  return own.find(({ state }) => state === 'active') ?? own[own.length - 1];
}
