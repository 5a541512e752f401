import { describe, expect, it } from 'vitest';
import { durationMs, readGroups } from '../../../actors/groups/group-config.js';

const fails = (value: unknown) => () => readGroups(value, ['main']);

describe('groups of a configuration', () => {
  it('have a name and a time bound, and defaults for the rest', () => {
    expect(readGroups([{ name: 'news', td: 90 }], ['main'])).toEqual([
      { name: 'news', tdMs: 90_000, lagMs: 3_600_000, membersMax: 10_000, dialBack: 'same-address' },
    ]);
  });

  it('may have a time bound without end, as good as', () => {
    const once = readGroups([{ name: 'news', td: '36500d' }], []);
    expect(readGroups(JSON.parse(JSON.stringify(once)), [])).toEqual(once);
  });

  it('are what they were when a configuration that was checked is read again', () => {
    const once = readGroups([{ name: 'news', td: '1.5h', lag: '2h', membersMax: 3, dialBack: ['10.0.0.1'] }], []);
    expect(readGroups(JSON.parse(JSON.stringify(once)), [])).toEqual(once);
  });

  it.each([
    ['not a list', {}, 'groups: expected a list of groups, found {}'],
    ['no object', [3], 'groups[0]: expected an object with name and td, found 3'],
    ['an unknown field', [{ name: 'a', td: 1, ttd: 2 }], 'found "ttd"'],
    ['no name', [{ td: 1 }], 'groups[0].name: expected a name of 1 to 64 bytes without spaces, found nothing'],
    ['a name with a space', [{ name: 'a b', td: 1 }], 'groups[0].name'],
    [
      'no td',
      [{ name: 'a' }],
      'groups[0].td: expected a number of seconds, or a duration such as "15m", found nothing',
    ],
    ['a td that is none', [{ name: 'a', td: 'soon' }], 'found "soon"'],
    [
      'a lag that is no longer than td',
      [{ name: 'a', td: '2h', lag: '2h' }],
      'groups[0].lag: expected a duration that is longer than td, found "2h"',
    ],
    ['a negative td', [{ name: 'a', td: -1 }], 'found -1'],
    ['no members', [{ name: 'a', td: 1, membersMax: 0 }], 'groups[0].membersMax'],
    ['a target that is none', [{ name: 'a', td: 1, dialBack: 'all' }], 'groups[0].dialBack'],
    ['the name of a source', [{ name: 'main', td: 1 }], 'groups[0].name: expected a name no source'],
    [
      'a name twice',
      [
        { name: 'a', td: 1 },
        { name: 'a', td: 1 },
      ],
      'groups[1].name: expected a name no source',
    ],
  ])('are refused with what was expected and found: %s', (_, value, message) => {
    expect(fails(value)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });
});

describe('a duration', () => {
  it.each([
    [0, 0],
    [1.5, 1_500],
    ['90', 90_000],
    ['250ms', 250],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ])('of %s is %i ms', (value, ms) => {
    expect(durationMs(value)).toBe(ms);
  });

  it.each(['', 's', '1 m', '1w', '-1', '1e9', 'Infinity', null, true, [], '99999999d'])('is not %j', (value) => {
    expect(durationMs(value)).toBeUndefined();
  });
});
