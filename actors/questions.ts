import { type ClientMessage, limits, type ServerMessage } from '../protocol/index.js';
import type { Origin } from './origin.js';
import { sessionList } from './session-list.js';

/** A request that has one answer and leaves nothing running on its connection. */
export type Question = Extract<
  ClientMessage,
  { type: 'SESSIONS' | 'INSPECT' | 'ARCHIVE' | 'ROLL' | 'DISCARD' | 'MEMBERS' }
>;

/**
 * The answer to a question.
 * @param source the one that is meant when none is named
 * @throws ProtocolError when the request cannot be granted
 */
export async function answerTo(question: Question, source: string, origin: Origin): Promise<ServerMessage> {
  const { request } = question;
  switch (question.type) {
    case 'SESSIONS': {
      const { session, source: of = session === undefined ? undefined : source, discarded } = question;
      const sessions = sessionList(await origin.sessions({ source: of, session, discarded }));
      return { type: 'SESSION_LIST', request, sessions };
    }
    case 'MEMBERS': {
      const members = await origin.members(question.group);
      return { type: 'MEMBER_LIST', request, members: members.slice(0, limits.memberListMax) };
    }
    case 'ROLL': {
      const { session, reason, discard } = question;
      const rolled = await origin.roll({ source: question.source ?? source, session, reason, discard });
      return { type: 'ROLLED', request, ...rolled };
    }
    case 'DISCARD': {
      const { session, reason } = question;
      const discarded = await origin.discard({ source: question.source ?? source, session, reason });
      return { type: 'DISCARDED', request, session: discarded };
    }
    case 'ARCHIVE': {
      const { action, session } = question;
      const report = await origin.archive({ action, source: question.source ?? source, session });
      return { type: 'SESSION_REPORT', request, ...report };
    }
    case 'INSPECT':
      return { type: 'INSPECTION', request, state: await origin.inspect() };
  }
}
