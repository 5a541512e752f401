import type { ServerMessage, SessionReport } from '../protocol/index.js';
import { LatecomerError } from './errors.js';

/** The report in a server's answer, without what it was sent in. */
export function reportOf(reply: ServerMessage): SessionReport {
  if (reply.type !== 'SESSION_REPORT') {
    throw new LatecomerError('ERR_BAD_MESSAGE', `expected a SESSION_REPORT, found ${reply.type}`);
  }
  const { type: _type, request: _request, ...report } = reply;
  return report;
}
