import { ProtocolError } from '../protocol/index.js';
import type { Store } from '../storage/index.js';

/** Why nothing can be published to a session that is not the active one. */
export function otherSession(store: Store, source: string, session: string, active: string): ProtocolError {
  return store.findSession(source, session)
    ? new ProtocolError('ERR_SESSION_ENDED', `session ${session} has ended; the active one is ${active}`)
    : new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}`);
}
