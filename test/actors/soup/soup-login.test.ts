import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../../actors/session-request.js';
import { decideLogin, type SoupLoginContext } from '../../../actors/soup/soup-login.js';
import { ProtocolError, type SessionSummary } from '../../../protocol/index.js';
import { type SoupLogin, soupBin, soupTcp } from '../../../protocol/soup/index.js';
import { type Page, stretchOf } from '../../../storage/index.js';
import { blockOf, sessionOf } from '../support.js';

const active = sessionOf({ session: '2026112102', firstSeq: 1, lastSeq: 10 });
const ended = sessionOf({ session: '2026112101', log: 6, state: 'ended', lastSeq: 5 });

/** A source with two sessions of a day, the second one active. */
function contextOf(
  more: Partial<SoupLoginContext> & { read?: (from: number) => Promise<Page> } = {},
  sessions = [ended, active],
) {
  const find = (name: string): SessionSummary => {
    const found = name === '' ? sessions[sessions.length - 1] : sessions.find(({ session }) => session === name);
    if (found) return found;
    throw new ProtocolError('ERR_UNKNOWN_SESSION', `source main has no session ${name}`);
  };
  const origin = {
    findSession: async (_source: string, session: string) => find(session),
    read: async (_log: number, from: number) =>
      more.read ? more.read(from) : { stretches: [stretchOf(blockOf(1, 10))], next: 11 },
  };
  const sessionHandler = {
    ask: async (_topic: unknown, payload: { request: { session: string; from: number; request: number } }) => {
      const session = find(payload.request.session);
      return { session, decision: decideRequest(payload.request, session, 'pull') };
    },
  } as unknown as SoupLoginContext['sessionHandler'];
  return { source: 'main', credentials: {}, sessionHandler, ...more, origin };
}

const login = (more: Partial<SoupLogin> = {}): SoupLogin => ({
  user: '',
  password: '',
  session: '',
  sequence: 1,
  short: false,
  ...more,
});

describe('a login', () => {
  it('without a session is for the active one, from the number it asks for', async () => {
    expect(await decideLogin(login({ sequence: 4 }), soupBin, contextOf())).toEqual({
      session: active,
      next: 4,
      pull: false,
    });
  });

  it('with 0 starts at the newest message', async () => {
    expect(await decideLogin(login({ sequence: 0 }), soupBin, contextOf())).toMatchObject({ next: 10 });
    const empty = contextOf({}, [sessionOf({ session: '2026112101', lastSeq: 0 })]);
    expect(await decideLogin(login({ sequence: 0 }), soupBin, empty)).toMatchObject({ next: 1 });
  });

  it('may ask for the next message, and for none behind it', async () => {
    expect(await decideLogin(login({ sequence: 11 }), soupBin, contextOf())).toMatchObject({ next: 11 });
    await expect(decideLogin(login({ sequence: 12 }), soupBin, contextOf())).rejects.toMatchObject({
      code: 'ERR_BEYOND_NEXT',
      reject: 'S',
    });
  });

  it('for a session that has ended pulls it', async () => {
    const decided = decideLogin(login({ session: '2026112101', sequence: 6 }), soupBin, contextOf());
    expect(await decided).toEqual({ session: ended, next: 6, pull: true });
  });

  it.each([
    ['', 5, false],
    ['2026112101', 1, false],
    ['2026112101', 0, false],
    ['2026112101', 2, true],
    ['S01', 6, true],
  ])('for session %j from %i: whether it resumes is %s', async (session, sequence, resumes) => {
    const asked: unknown[] = [];
    const sessionHandler = {
      ask: async (_topic: unknown, payload: object) => {
        asked.push(payload);
        return { session: active, decision: { action: 'subscribe', next: 1 } };
      },
    } as unknown as SoupLoginContext['sessionHandler'];
    await decideLogin(login({ session, sequence }), soupTcp, { ...contextOf(), sessionHandler });
    expect(asked).toEqual([{ request: { request: 0, session, from: sequence }, source: 'main', resumes }]);
  });

  it.each(['S03', '2026112103', 's01', 'x'])('for the session %s, which is not there, is rejected', async (session) => {
    const decided = decideLogin(login({ session }), soupTcp, contextOf());
    await expect(decided).rejects.toMatchObject({ code: 'ERR_UNKNOWN_SESSION', reject: 'S' });
  });

  it('with other credentials is rejected, and so is one that has none to give', async () => {
    const context = contextOf({ credentials: { user: 'alice', password: 'secret' } });
    const refusal = { code: 'ERR_CREDENTIALS', reject: 'A' };
    await expect(decideLogin(login({ user: 'alice' }), soupBin, context)).rejects.toMatchObject(refusal);
    await expect(decideLogin(login({ session: 'S01', short: true }), soupTcp, context)).rejects.toMatchObject(refusal);
    const right = login({ user: 'alice', password: 'secret' });
    expect(await decideLogin(right, soupBin, context)).toMatchObject({ next: 1 });
  });

  it('for what is gone is answered with the first number that is still there', async () => {
    const read = async (from: number): Promise<Page> => {
      if (from < 4) return { stretches: [], lost: { from, to: 3, reason: 'retention' }, next: 4 };
      if (from < 8) return { stretches: [], lost: { from, to: 7, reason: 'corrupt' }, next: 8 };
      return { stretches: [stretchOf(blockOf(8, 3))], next: 11 };
    };
    expect(await decideLogin(login({ sequence: 2 }), soupBin, contextOf({ read }))).toMatchObject({ next: 8 });
  });

  it('for what is gone up to the end is answered with the next number', async () => {
    const read = async (from: number): Promise<Page> => ({
      stretches: [],
      lost: { from, to: 10, reason: 'missing' },
      next: 11,
    });
    expect(await decideLogin(login({ sequence: 2 }), soupBin, contextOf({ read }))).toMatchObject({ next: 11 });
  });

  it('is rejected when its answer cannot be written', async () => {
    const far = 10_000_000_000;
    const long = contextOf({}, [sessionOf({ session: '2026112101', lastSeq: far })]);
    expect(await decideLogin(login({ sequence: 0 }), soupBin, long)).toMatchObject({ next: far });
    const refusal = { code: 'ERR_NOT_CARRIED', reject: 'S' };
    await expect(decideLogin(login({ sequence: 0 }), soupTcp, long)).rejects.toMatchObject(refusal);
    const named = contextOf({}, [sessionOf({ session: 'a-longer-name' })]);
    await expect(decideLogin(login(), soupBin, named)).rejects.toMatchObject(refusal);
  });
});
