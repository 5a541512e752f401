import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../actors/session-request.js';
import type { SessionSummary, SubscribeBody } from '../../protocol/index.js';
import { sessionOf } from './support.js';

const active = sessionOf();
const ended = sessionOf({ state: 'ended' });
const empty = sessionOf({ lastSeq: 0 });
const trimmed = sessionOf({ firstSeq: 6 });
const trimmedEmpty = sessionOf({ firstSeq: 11 });

type Row = [what: string, session: SessionSummary, asked: Omit<SubscribeBody, 'request'>, decision: object];

const granted: Row[] = [
  ['number 1', active, { from: 1 }, { action: 'subscribe', next: 1 }],
  ['the newest number', active, { from: 10 }, { action: 'subscribe', next: 10 }],
  ['the next number', active, { from: 11 }, { action: 'subscribe', next: 11 }],
  ['0, the newest message', active, { from: 0 }, { action: 'subscribe', next: 10 }],
  ['0 of an empty session, the first message', empty, { from: 0 }, { action: 'subscribe', next: 1 }],
  ['0 of a session of which nothing is kept', trimmedEmpty, { from: 0 }, { action: 'subscribe', next: 11 }],
  ['live only', active, {}, { action: 'subscribe', next: 11 }],
  ['live only of an empty session', empty, {}, { action: 'subscribe', next: 1 }],
  ['what is no longer kept', trimmed, { from: 1 }, { action: 'subscribe', next: 1 }],
  ['a number beyond the next, waiting', active, { from: 500, wait: true }, { action: 'subscribe', next: 500 }],
  ['the position of this epoch', active, { from: 3, epoch: active.epoch }, { action: 'subscribe', next: 3 }],
  ['the position of another epoch', active, { from: 3, epoch: 'other' }, { action: 'reset' }],
  ['a number far beyond, of another epoch', active, { from: 500, epoch: 'other' }, { action: 'reset' }],
  ['an ended session from 1', ended, { from: 1 }, { action: 'pull', next: 1 }],
  ['the newest of an ended session', ended, { from: 0 }, { action: 'pull', next: 10 }],
  ['an ended session from behind its end', ended, { from: 11 }, { action: 'pull', next: 11 }],
  ['an ended session, live only', ended, {}, { action: 'pull', next: 11 }],
];

const rejected: Row[] = [
  ['a number beyond the next', active, { from: 12 }, {}],
  ['a number beyond the next, not waiting', active, { from: 12, wait: false }, {}],
  ['number 2 of an empty session', empty, { from: 2 }, {}],
  ['a number beyond the end of an ended session', ended, { from: 12 }, {}],
  ['a number beyond the end of an ended session, waiting', ended, { from: 12, wait: true }, {}],
];

describe('a request for a session', () => {
  it.each(granted)('is granted for %s', (_what, session, asked, decision) => {
    expect(decideRequest({ request: 1, ...asked }, session, 'pull')).toEqual(decision);
  });

  it.each(rejected)('is rejected for %s', (_what, session, asked) => {
    const decide = () => decideRequest({ request: 1, ...asked }, session, 'pull');
    expect(decide).toThrow(expect.objectContaining({ code: 'ERR_BEYOND_NEXT', remedy: 'retry' }));
    expect(decide).toThrow(`first number ${asked.from} is beyond the next number ${session.lastSeq + 1}`);
  });

  it('for a session that has ended is rejected where closed sessions are, and names the one behind it', () => {
    const over = sessionOf({ state: 'ended', next: 'S2' });
    const decide = () => decideRequest({ request: 1, from: 1 }, over, 'reject');
    expect(decide).toThrow(expect.objectContaining({ code: 'ERR_SESSION_ENDED', remedy: 'never' }));
    expect(decide).toThrow('session S1 has ended and is not served any more; the one behind it is S2');
  });

  it.each([
    ['from where its reader was', 4],
    ['for its end alone', 11],
  ])('that resumes a session that has ended is granted %s, where closed sessions are rejected', (_what, from) => {
    const asked = { request: 1, from, epoch: ended.epoch };
    expect(decideRequest(asked, ended, 'reject')).toEqual({ action: 'pull', next: from });
  });

  it('for an active session is granted where closed sessions are rejected', () => {
    expect(decideRequest({ request: 1, from: 1 }, active, 'reject')).toEqual({ action: 'subscribe', next: 1 });
  });
});
