import { describe, expect, it } from 'vitest';
import { nextSessionName } from '../../actors/session-name.js';

const day = '20300109';

describe('the name of a session', () => {
  it('is the date and 01 for the first one of a day', () => {
    expect(nextSessionName(day, [])).toBe('2030010901');
    expect(nextSessionName(day, ['2030010801', '2030010802'])).toBe('2030010901');
  });

  it('counts on from the highest one of the day', () => {
    expect(nextSessionName(day, ['2030010901', '2030010907', '2030010903'])).toBe('2030010908');
  });

  it('heeds no names of other kinds', () => {
    expect(nextSessionName(day, ['20300109', '20300109-b', '203001090177', 'S01'])).toBe('2030010901');
  });

  it('runs out after 99 sessions of one day', () => {
    expect(nextSessionName(day, ['2030010998'])).toBe('2030010999');
    expect(() => nextSessionName(day, ['2030010999'])).toThrow('there are 99 sessions of 20300109 already');
  });
});
