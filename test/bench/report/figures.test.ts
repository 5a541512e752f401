import { describe, expect, it } from 'vitest';
import type { Measurement, Scenario, Target } from '../scenarios/scenario.js';
import { attained, figureOf, median } from './figures.js';
import type { ScenarioResult } from './run.js';

const rate = { name: 'rate', unit: 'messages/s' };
const p99 = { name: 'p99', unit: 'ms', quantile: { samples: 'latency', part: 0.99 } };
const scenario: Scenario = { name: 'one', title: 'One', figures: [rate, p99], rows: [], targets: [] };

function result(rows: Record<string, Measurement[]>): ScenarioResult {
  const entries = Object.entries(rows);
  return { scenario, rows: entries.map(([name, rounds]) => ({ name, rounds, persists: '', version: '' })) };
}

const rates = (...values: number[]): Measurement[] => values.map((value) => ({ numbers: { rate: value } }));
const latencies = (...rounds: number[][]): Measurement[] =>
  rounds.map((samples) => ({ numbers: {}, samples: { latency: Float64Array.from(samples) } }));
const target = (more: Partial<Target>): Target => ({ figure: 'rate', row: 'ours', ...more });

describe('figures', () => {
  it('takes the middle of the rounds', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 9, 5])).toBe(4.5);
  });

  it('takes a quantile of the samples of all rounds together, not of the rounds', () => {
    const quiet = Array<number>(99).fill(1);
    const { rows } = result({ ours: latencies(quiet, quiet, [7, 8, 9]) });
    expect(figureOf(rows[0]!, p99)).toBe(7);
  });

  it('has nothing to say of a row without that number', () => {
    const { rows } = result({ ours: [{ numbers: {} }] });
    expect(figureOf(rows[0]!, rate)).toBeUndefined();
  });
});

describe('a target', () => {
  it('is the median of the ratios of each round, not the ratio of medians', () => {
    const found = result({ ours: rates(10, 40, 90), theirs: rates(10, 10, 30) });
    expect(attained(found, target({ against: 'theirs', atLeast: 3 }))).toMatchObject({ value: 3, isReached: true });
    expect(attained(found, target({ against: 'theirs', atLeast: 3.1 })).isReached).toBe(false);
  });

  it('compares quantiles of merged samples, and can allow for a third row', () => {
    const found = result({ ours: latencies([6]), theirs: latencies([2]), disk: latencies([4]) });
    expect(attained(found, target({ figure: 'p99', against: 'theirs', atMost: 1 }))).toMatchObject({
      value: 3,
      isReached: false,
    });
    expect(attained(found, target({ figure: 'p99', against: 'theirs', plus: 'disk', atMost: 1 }))).toMatchObject({
      value: 1,
      isReached: true,
    });
  });

  it('is the figure itself when there is nobody to compare with', () => {
    expect(attained(result({ ours: rates(5) }), target({ atMost: 4 }))).toMatchObject({ value: 5, isReached: false });
  });

  it('is not reached when a row is missing', () => {
    const found = attained(result({ ours: rates(5) }), target({ against: 'theirs', atLeast: 1 }));
    expect(found).toMatchObject({ value: undefined, isReached: false });
  });
});
