import { describe, expect, it } from 'vitest';
import { enumerate, explore } from './hand-over/explore.js';
import type { Scenario } from './hand-over/world.js';

/** Blocks [1..2] [3..5] [6..7] are committed at the join, the ring has room for two; [8..9] [10] [11..13] may follow. */
const log = { blocks: [2, 3, 2, 2, 1, 3], committedAtJoin: 3, ringBlocks: 2, firstKept: 1 };

const scenarios: Record<string, Scenario> = {
  'the first message': { ...log, next: 1 },
  'the middle of a block that has left the ring': { ...log, next: 2 },
  'the middle of a block in the ring': { ...log, next: 4 },
  'the newest message': { ...log, next: 7 },
  'the next message': { ...log, next: 8 },
  'a message beyond the next one': { ...log, next: 11 },
  'a message before the first kept one': { ...log, firstKept: 3, next: 1 },
  'an empty log': { ...log, committedAtJoin: 0, next: 1 },
  'the first message for a slow reader': { ...log, next: 1, narrow: true },
};

/** Orders of events up to this length are counted; the exploration itself has no bound. */
const counted = 12;

describe('the hand-over from rewind to live', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`delivers the requested run of numbers from ${name} on, whatever the order of events`, ({ annotate }) => {
      const { states, steps, interleavings } = explore(scenario, counted);
      expect(states).toBeGreaterThan(100);
      expect(steps).toBeGreaterThan(states);
      const covered = `${interleavings} interleavings of up to ${counted} events, ${states} states, ${steps} steps`;
      console.log(`from ${name}: ${covered}`);
      return annotate(covered);
    });
  }

  it('does so as well when no two states are taken for the same', () => {
    const orders = enumerate(scenarios['the middle of a block that has left the ring']!, 4);
    console.log(`one by one: ${orders} interleavings of 4 events`);
    expect(orders).toBeGreaterThan(5_000);
  });
});
