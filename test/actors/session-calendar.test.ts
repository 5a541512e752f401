import { describe, expect, it } from 'vitest';
import { SessionCalendar } from '../../actors/session-calendar.js';

const at = (iso: string) => () => Date.parse(iso);

describe('the calendar of sessions', () => {
  it('names a session by the date in its time zone, on both sides of midnight', () => {
    const before = at('2030-01-09T22:59:59.999Z');
    const after = at('2030-01-09T23:00:00.000Z');
    const berlin = { timeZone: 'Europe/Berlin' };
    expect(new SessionCalendar(before, berlin).nextName([])).toBe('2030010901');
    expect(new SessionCalendar(after, berlin).nextName(['2030010901'])).toBe('2030011001');
    expect(new SessionCalendar(after, { timeZone: 'UTC' }).nextName(['2030010901'])).toBe('2030010902');
    expect(new SessionCalendar(after, { timeZone: 'America/New_York' }).nextName([])).toBe('2030010901');
  });

  it('takes S01 for the first session of today, and any other name as it is', () => {
    const calendar = new SessionCalendar(at('2030-01-09T23:30:00Z'), { timeZone: 'Europe/Berlin' });
    expect(['S01', 'S99', '2030010905', 'S1', 'S001', ''].map((name) => calendar.resolve(name))).toEqual([
      '2030011001',
      '2030011099',
      '2030010905',
      'S1',
      'S001',
      '',
    ]);
  });

  it('has nothing overdue when no time is set', () => {
    const calendar = new SessionCalendar(at('2030-01-09T12:00:00Z'), { timeZone: 'UTC' });
    expect([calendar.untilRollMs(), calendar.overdue(0)]).toEqual([undefined, undefined]);
  });

  it('knows how long it is until the next roll, and which sessions should have been rolled', () => {
    const calendar = new SessionCalendar(at('2030-01-09T17:30:00Z'), { timeZone: 'UTC', rollAt: '17:00' });
    expect(calendar.untilRollMs()).toBe(23.5 * 3_600_000);
    expect(calendar.overdue(Date.parse('2030-01-09T16:59:59.999Z'))).toBe('daily roll at 17:00 UTC');
    expect(calendar.overdue(Date.parse('2030-01-09T17:00:00Z'))).toBeUndefined();
  });
});
