import { describe, expect, it } from 'vitest';
import { nextSessionName } from '../../actors/session-name.js';

const noon = Date.UTC(2030, 0, 9, 12);

describe('the name of a session', () => {
  it('is the date and 01 for the first one of a day', () => {
    expect(nextSessionName(noon, [])).toBe('2030010901');
    expect(nextSessionName(noon, ['2030010801', '2030010802'])).toBe('2030010901');
  });

  it('counts on from the highest one of the day', () => {
    expect(nextSessionName(noon, ['2030010901', '2030010907', '2030010903'])).toBe('2030010908');
  });

  it('takes the date in UTC', () => {
    expect(nextSessionName(Date.UTC(2030, 0, 9, 23, 59, 59, 999), [])).toBe('2030010901');
    expect(nextSessionName(Date.UTC(2030, 0, 10), [])).toBe('2030011001');
  });

  it('runs out after 99 sessions of one day', () => {
    expect(nextSessionName(noon, ['2030010998'])).toBe('2030010999');
    expect(() => nextSessionName(noon, ['2030010999'])).toThrow('there are 99 sessions of 20300109 already');
  });
});
