import { describe, expect, it } from 'vitest';
import { ZonedTime } from '../../actors/zoned-time.js';

const iso = (ms: number) => new Date(ms).toISOString();

/** The moments of a time of day, one after the other, from a moment on. */
function moments(timeZone: string, time: string, from: string, count: number): string[] {
  const zone = new ZonedTime(timeZone);
  const found: string[] = [];
  let ms = Date.parse(from);
  for (let index = 0; index < count; index += 1) {
    ms = zone.next(ms, time);
    found.push(iso(ms));
  }
  return found;
}

describe('the time of day in a time zone', () => {
  it('comes once a day, an hour earlier in UTC when the clock is put forward', () => {
    expect(moments('Europe/Berlin', '17:00', '2030-03-30T12:00:00Z', 3)).toEqual([
      '2030-03-30T16:00:00.000Z',
      '2030-03-31T15:00:00.000Z',
      '2030-04-01T15:00:00.000Z',
    ]);
  });

  it('comes once a day, an hour later in UTC when the clock is put back', () => {
    expect(moments('America/New_York', '17:00', '2030-11-02T12:00:00Z', 3)).toEqual([
      '2030-11-02T21:00:00.000Z',
      '2030-11-03T22:00:00.000Z',
      '2030-11-04T22:00:00.000Z',
    ]);
  });

  it('is as much later as the clock is put forward on the day that leaves it out', () => {
    expect(moments('Europe/Berlin', '02:30', '2030-03-30T12:00:00Z', 2)).toEqual([
      '2030-03-31T01:30:00.000Z',
      '2030-04-01T00:30:00.000Z',
    ]);
  });

  it('counts the first time only on the day that brings it twice', () => {
    expect(moments('Europe/Berlin', '02:30', '2030-10-26T12:00:00Z', 2)).toEqual([
      '2030-10-27T00:30:00.000Z',
      '2030-10-28T01:30:00.000Z',
    ]);
  });

  it('is midnight at the start of the day by the clock on the wall, also where a change happens at midnight', () => {
    expect(moments('Africa/Cairo', '00:00', '2023-04-27T12:00:00Z', 2)).toEqual([
      '2023-04-27T22:00:00.000Z',
      '2023-04-28T21:00:00.000Z',
    ]);
    expect(moments('Asia/Kathmandu', '00:00', '2030-01-01T12:00:00Z', 1)).toEqual(['2030-01-01T18:15:00.000Z']);
  });

  it('tells the last time it was, that very moment included', () => {
    const zone = new ZonedTime('Europe/Berlin');
    const moment = Date.parse('2030-03-31T15:00:00Z');
    expect(iso(zone.last(moment, '17:00'))).toBe('2030-03-31T15:00:00.000Z');
    expect(iso(zone.last(moment - 1, '17:00'))).toBe('2030-03-30T16:00:00.000Z');
    expect(iso(zone.next(moment, '17:00'))).toBe('2030-04-01T15:00:00.000Z');
  });

  it('has each moment of next for the last of a moment behind it, all year round in zones with and without changes', () => {
    for (const timeZone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia']) {
      const zone = new ZonedTime(timeZone);
      let ms = Date.parse('2030-01-01T00:00:00Z');
      for (let day = 0; day < 366; day += 1) {
        const next = zone.next(ms, '02:15');
        expect(next - ms, `${timeZone} ${iso(next)}`).toBeLessThanOrEqual(26 * 3_600_000);
        expect([zone.last(next, '02:15'), zone.last(next + 1, '02:15')]).toEqual([next, next]);
        ms = next;
      }
    }
  });

  it('names the date', () => {
    const ms = Date.parse('2029-12-31T23:30:00Z');
    expect(new ZonedTime('UTC').date(ms)).toBe('20291231');
    expect(new ZonedTime('Europe/Berlin').date(ms)).toBe('20300101');
  });

  it('refuses a time zone that does not exist', () => {
    expect(() => new ZonedTime('Europe/Nowhere')).toThrow(RangeError);
  });
});
