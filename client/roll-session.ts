import type { Rolled } from '../protocol/index.js';
import type { RollOptions, SessionOptions } from './client-types.js';
import type { Question } from './requests.js';

/** Asks the server for a roll. */
export type AskRoll = (
  question: Extract<Question, { type: 'ROLL' }>,
  signal: AbortSignal | undefined,
) => Promise<Rolled>;

/**
 * Have a session rolled. It is named in the request, so that one that is sent again over the next connection does not roll
 * the session behind it too.
 * @param find the active session of a source
 */
export async function rollSession(
  { reason, session, discard, source, signal }: RollOptions,
  ask: AskRoll,
  find: (active: SessionOptions) => Promise<{ session: string }>,
): Promise<Rolled> {
  const of = source !== undefined && { source };
  const named = session ?? (await find({ session: '', ...of })).session;
  const question = {
    type: 'ROLL',
    reason,
    session: named,
    ...of,
    ...(discard !== undefined && { discard }),
  } as const;
  const { ended, opened } = await ask(question, signal);
  return { opened, ...(ended && { ended }) };
}
