import { describe, expect, it } from 'vitest';
import { inspectionText } from '../../cli/inspection-text.js';

describe('inspectionText', () => {
  it('prints plain values, tables of alike objects and what is nested', () => {
    const state = {
      server: 'latecomer/1',
      store: { commits: 3, reopenedMs: null },
      subscriptions: [
        { id: 1, state: 'live', queuedBytes: 0 },
        { id: 12, state: 'rewinding', queuedBytes: 512, rewind: 'a\nb' },
      ],
      sources: ['main', 'other'],
      edges: [{ pid: 5, rewinds: [{ seq: 1 }] }],
      waiting: [],
    };
    expect(inspectionText(state)).toEqual([
      'server: latecomer/1',
      'sources: main, other',
      'waiting: (none)',
      'store:',
      '  commits: 3',
      '  reopenedMs: -',
      'subscriptions:',
      '  id  state      queuedBytes  rewind',
      '   1  live                 0  -',
      '  12  rewinding          512  a\\nb',
      'edges:',
      '  1:',
      '    pid: 5',
      '    rewinds:',
      '      seq',
      '        1',
    ]);
  });

  it('prints moments as such, and lengths of time as numbers', () => {
    const groups = [
      { group: 'g', tdMs: 60_000, members: [{ participant: 'alice', lag: 2, seenMs: 1_795_283_236_311 }] },
    ];
    expect(inspectionText({ startedMs: 1_795_283_236_000, groups })).toEqual([
      'startedMs: 2026-11-21T17:47:16.000Z',
      'groups:',
      '  1:',
      '    group: g',
      '    tdMs: 60000',
      '    members:',
      '      participant  lag  seenMs',
      '      alice          2  2026-11-21T17:47:16.311Z',
    ]);
  });

  it('escapes control characters in names and values', () => {
    const state = { 'a\x1b': 'b\x1b', 'c\u009b': [{ 'd\x07': 'e\x07' }], 'f\n': { g: 1 } };
    expect(inspectionText(state)).toEqual([
      'a\\u001b: b\\u001b',
      'c\\u009b:',
      '  d\\u0007',
      '  e\\u0007',
      'f\\n:',
      '  g: 1',
    ]);
  });
});
