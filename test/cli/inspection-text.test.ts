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
});
