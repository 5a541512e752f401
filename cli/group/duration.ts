import type { SettingKind } from '../setting-kinds.js';

/** Longest time that can be given: a hundred years, which is far from where numbers are no longer exact. */
const secondsMax = 100 * 366 * 24 * 60 * 60;

const secondsOf = new Map([
  ['ms', 0.001],
  ['s', 1],
  ['', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** A length of time: seconds, or text such as `90s`, `5m`, `12h` or `7d`. Its value is in milliseconds. */
export const duration: SettingKind = {
  placeholder: 'TIME',
  expected: 'seconds such as 60, or a time such as 500ms, 90s, 5m, 12h or 7d',
  fromText: (text) => {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text) ?? [];
    const seconds = secondsOf.get(unit ?? '?');
    return amount === undefined || seconds === undefined ? undefined : msOf(Number(amount) * seconds);
  },
  fromJson: (value) => (typeof value === 'number' ? msOf(value) : duration.fromText(String(value))),
};

function msOf(seconds: number): number | undefined {
  return seconds >= 0 && seconds <= secondsMax ? Math.round(seconds * 1_000) : undefined;
}
