import { describe, expect, it } from 'vitest';
import { chartOf } from './chart.js';
import { pageOf, rounded, tableOf } from './markdown.js';
import type { Report } from './report.js';

const report: Report = {
  name: 'broadcast-100',
  title: 'Broadcast',
  date: '2026-11-21T12:00:00.000Z',
  machine: '2 × some processor',
  rounds: 3,
  figures: [{ name: 'delivered', unit: 'messages/s' }],
  rows: [
    { name: 'Latecomer', persists: 'a log', version: 'latecomer 1', figures: { delivered: 20_000_000 }, rounds: [] },
    { name: 'NATS core', persists: 'nothing', version: 'nats-server 2', figures: { delivered: 4e6 }, rounds: [] },
    { name: 'the disk', persists: 'bytes', version: '', figures: {}, rounds: [] },
  ],
  targets: [
    { figure: 'delivered', row: 'Latecomer', against: 'NATS core', atLeast: 6, value: 5, isReached: false },
    { figure: 'delivered', row: 'Latecomer', against: 'Redis', atLeast: 4, isReached: false },
  ],
};

describe('the table of a scenario', () => {
  it('has a line for each row, and a cell is empty where there is no figure', () => {
    expect(tableOf(report).split('\n').slice(0, 7)).toEqual([
      '### Broadcast',
      '',
      '|           | delivered, messages/s | what is kept |',
      '| --------- | --------------------: | ------------ |',
      '| Latecomer |            20,000,000 | a log        |',
      '| NATS core |             4,000,000 | nothing      |',
      '| the disk  |                       | bytes        |',
    ]);
  });

  it('tells a missed target from one that was not measured', () => {
    expect(tableOf(report)).toContain('Latecomer ÷ NATS core: 5 (**missed**, target at least 6)');
    expect(tableOf(report)).toContain('Latecomer ÷ Redis: not measured (target at least 4)');
  });

  it('keeps three digits of small numbers and all whole ones of large numbers', () => {
    expect([0.012345, 4.5678, 1234.5678].map(rounded)).toEqual(['0.0123', '4.57', '1,235']);
  });
});

describe('the page of results', () => {
  it('says once where and with what the scenarios ran', () => {
    const page = pageOf([report, { ...report, name: 'another' }]);
    expect(page.match(/some processor/g)).toHaveLength(1);
    expect(page).toContain('medians of 3 rounds; latecomer 1, nats-server 2.');
  });

  it('says which scenarios ran elsewhere', () => {
    const page = pageOf([report, { ...report, name: 'another', machine: '64 × a better one' }]);
    expect(page).toContain('broadcast-100: 2026-11-21, 2 × some processor');
    expect(page).toContain('another: 2026-11-21, 64 × a better one');
  });
});

describe('the chart', () => {
  it('draws a bar as high as its figure is to the highest', () => {
    const heights = [...chartOf([report]).matchAll(/<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"/g)];
    const [latecomer, nats] = heights.map(([, height]) => Number(height));
    expect(nats! / latecomer!).toBeCloseTo(0.2);
  });

  it('draws a curve through the figures of each contender, and is empty without figures', () => {
    const rows = [500, 5_000].flatMap((offered) =>
      ['Latecomer', 'NATS core'].map((name) => ({
        ...report.rows[0]!,
        name: `${name} at ${offered}`,
        figures: { offered, p99: offered / 100 },
      })),
    );
    const chart = chartOf([{ ...report, name: 'pace', rows }]);
    expect(chart).toContain('points="500.0,239.1 890.0,109.1"');
    expect(chartOf([])).not.toContain('polyline');
  });
});
