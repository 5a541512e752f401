import { ProtocolError, type SessionSummary } from '../../protocol/index.js';
import { type Dialect, SoupError, type SoupLogin, soupLimits } from '../../protocol/soup/index.js';
import type { Origin } from '../origin.js';
import type { Ref } from '../runtime/index.js';
import type { SessionHandlerProtocol } from '../session-handler.js';
import { isAuthorised, type SoupCredentials } from './credentials.js';

/** What a login is decided with. */
export interface SoupLoginContext {
  origin: Pick<Origin, 'read'>;
  sessionHandler: Pick<Ref<SessionHandlerProtocol>, 'ask'>;
  /** The source whose sessions are served. */
  source: string;
  credentials: SoupCredentials;
}

/** A login that is accepted. */
export interface AcceptedLogin {
  session: SessionSummary;
  /** The first message that will be sent: the one asked for, or the first one behind it that is still there. */
  next: number;
  /** The session has ended: it is served from the log and never joins the broadcast. */
  pull: boolean;
}

/** Milliseconds a login may take inside the server; a reopen of the store comes before that. */
const requestMs = 60_000;

/**
 * Decide a login as the native protocol decides a subscription, and find the first message that can be delivered.
 * @throws SoupError with the reason of its Login Rejected packet
 */
export async function decideLogin(
  login: SoupLogin,
  dialect: Dialect,
  context: SoupLoginContext,
): Promise<AcceptedLogin> {
  if (!isAuthorised(login, context.credentials)) {
    throw new SoupError('ERR_CREDENTIALS', 'user or password is not as configured', { reject: 'A' });
  }
  try {
    const accepted = await findStart(login, context);
    checkWritable(accepted, dialect);
    return accepted;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new SoupError(error.code, error.message, { reject: 'S', cause: error });
  }
}

async function findStart(login: SoupLogin, context: SoupLoginContext): Promise<AcceptedLogin> {
  const { sessionHandler, source } = context;
  const request = { request: 0, session: login.session, from: login.sequence };
  // A login has no epoch. One that names its session, and a number it can only know from there, goes on in it.
  const resumes = login.session !== '' && login.sequence > 1;
  const asked = { request, source, resumes };
  const { session, decision } = await sessionHandler.ask('request', asked, { timeoutMs: requestMs });
  if (decision.action === 'reset') throw new Error('a request without an epoch cannot be reset');
  const next = await firstKept(session, decision.next, context.origin);
  return { session, next, pull: decision.action === 'pull' };
}

/**
 * What is gone cannot be announced in the middle of a Soup stream, so a login finds out: without that, a client whose
 * next message is damaged would be sent away at that same message for ever.
 */
async function firstKept(
  { log, lastSeq }: SessionSummary,
  from: number,
  origin: Pick<Origin, 'read'>,
): Promise<number> {
  let next = from;
  while (next <= lastSeq) {
    const page = await origin.read(log, next, Number.MAX_SAFE_INTEGER);
    if (page.stretches.length > 0) return next;
    next = page.next;
  }
  return next;
}

function checkWritable({ session: { session }, next }: AcceptedLogin, dialect: Dialect): void {
  if (next > dialect.sequenceMax) {
    throw new SoupError('ERR_NOT_CARRIED', `${dialect.name} cannot write the number ${next}`, { reject: 'S' });
  }
  if (!/^[0-9A-Za-z]+$/.test(session) || session.length > soupLimits.sessionBytes) {
    const message = `the name of session ${session} does not fit the ${soupLimits.sessionBytes} characters of a login`;
    throw new SoupError('ERR_NOT_CARRIED', message, { reject: 'S' });
  }
}
