import { limits, type SessionSummary } from '../protocol/index.js';

/** What a SESSION_LIST has beside its sessions. */
const headerBytes = 1024;

/**
 * The newest sessions of a catalogue, as many as one SESSION_LIST holds: reasons may be long, and a frame that is too
 * large would leave whoever asks without any answer.
 * @param sessions the newest last
 */
export function sessionList(sessions: readonly SessionSummary[]): SessionSummary[] {
  let bytes = headerBytes;
  const first = sessions.findLastIndex((session, index) => {
    // In msgpack it is no longer than in JSON.
    bytes += Buffer.byteLength(JSON.stringify(session));
    return sessions.length - index > limits.sessionListMax || bytes > limits.frameBytesMax;
  });
  return sessions.slice(first + 1);
}
