import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../../../protocol/index.js';
import { expiredSessions } from '../../../storage/archive/index.js';

let lastLog = 0;

function session(name: string, endedMs: number | undefined, more: Partial<SessionSummary> = {}): SessionSummary {
  lastLog += 1;
  return {
    ...{ source: 'main', session: name, log: lastLog, epoch: 'e', firstSeq: 1, lastSeq: 9 },
    ...{ state: endedMs === undefined ? 'active' : 'ended', createdMs: endedMs ?? 999, bytes: 100 },
    ...(endedMs !== undefined && { endedMs }),
    ...more,
  };
}

const none = { ageMs: 0, count: 0, bytes: 0 };
const three = [session('a', 10), session('b', 20), session('c', 30), session('d', undefined)];
const names = (sessions: readonly SessionSummary[]) => sessions.map(({ session: name }) => name).join(' ');

describe('retention', () => {
  it('removes nothing without a limit', () => {
    expect(expiredSessions(three, none, 1e12)).toEqual([]);
  });

  it('removes what is too old since its end, to the millisecond', () => {
    expect(names(expiredSessions(three, { ...none, ageMs: 100 }, 119))).toBe('a');
    expect(names(expiredSessions(three, { ...none, ageMs: 100 }, 120))).toBe('a b');
    expect(names(expiredSessions(three, { ...none, ageMs: 100 }, 1e12))).toBe('a b c');
  });

  it('removes the oldest of a source that has too many, the active one not counted', () => {
    const others = [session('x', 1, { source: 'other' }), session('y', 2, { source: 'other' })];
    expect(names(expiredSessions([...three, ...others], { ...none, count: 2 }, 40))).toBe('a');
  });

  it('removes the one in front first though the clock was put back between the two', () => {
    const putBack = [session('a', 50), session('b', 20), session('c', 60), session('d', undefined)];
    expect(names(expiredSessions(putBack, { ...none, count: 2 }, 70))).toBe('a');
    expect(names(expiredSessions(putBack, { ...none, bytes: 150 }, 70))).toBe('a b');
  });

  it('removes the oldest of all sources until the bytes are few enough', () => {
    const others = [session('x', 15, { source: 'other' }), session('y', undefined, { source: 'other' })];
    expect(names(expiredSessions([...three, ...others], { ...none, bytes: 400 }, 40))).toBe('');
    expect(names(expiredSessions([...three, ...others], { ...none, bytes: 399 }, 40))).toBe('a');
    expect(names(expiredSessions([...three, ...others], { ...none, bytes: 250 }, 40))).toBe('a x');
  });

  it('never removes the newest session of a source, for the next one is named after it', () => {
    expect(names(expiredSessions(three.slice(0, 3), { ageMs: 1, count: 1, bytes: 1 }, 1e12))).toBe('a b');
  });

  it('takes a restored session for one that has just ended', () => {
    const restored = [session('r', 1, { restoredMs: 35 }), ...three];
    expect(names(expiredSessions(restored, { ...none, count: 3 }, 40))).toBe('a');
    expect(names(expiredSessions(restored, { ...none, ageMs: 10 }, 40))).toBe('a b c');
  });

  it('counts a session whose size is not known yet as nothing', () => {
    const { bytes: _, ...unread } = session('u', 5);
    expect(names(expiredSessions([unread, ...three], { ...none, bytes: 300 }, 40))).toBe('');
  });
});
