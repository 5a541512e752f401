import { describe, expect, it } from 'vitest';
import { ProgressLine, progressText } from '../../cli/progress-line.js';
import { fakeTerminal } from './fake-terminal.js';

describe('progressText', () => {
  it('gives position, share, rate and time left', () => {
    expect(progressText({ firstSeq: 1, seq: 250_000, lastSeq: 1_000_000 }, 10_000)).toBe(
      'rewinding 250,000 of 1,000,000 (25 %) · 10,000 msg/s · ETA 1 min 15 s',
    );
    expect(progressText({ firstSeq: 1, seq: 1, lastSeq: 8_000 }, 1)).toMatch(/ETA 2 h 13 min$/);
    expect(progressText({ firstSeq: 11, seq: 20, lastSeq: 30 }, 20)).toMatch(/\(50 %\) .* ETA 1 s$/);
  });

  it('has no rate before two positions are known', () => {
    expect(progressText({ firstSeq: 1, seq: 5, lastSeq: 10 }, 0)).toBe('rewinding 5 of 10 (50 %)');
  });
});

describe('ProgressLine', () => {
  const rewind = { firstSeq: 1, lastSeq: 10_000 };

  it('draws over itself a few times a second, with the rate measured', () => {
    const terminal = fakeTerminal({ isTTY: true });
    let now = 0;
    const line = new ProgressLine(terminal.stderr, () => now);
    line.moved({ ...rewind, seq: 100 });
    now = 100;
    line.moved({ ...rewind, seq: 500 });
    now = 200;
    line.moved({ ...rewind, seq: 1_100 });
    expect(terminal.err()).toBe(
      '\r\x1b[Krewinding 100 of 10,000 (1 %)\r\x1b[Krewinding 1,100 of 10,000 (11 %) · 5,000 msg/s · ETA 2 s',
    );
  });

  it('is taken away once, and only if it stands there', () => {
    const terminal = fakeTerminal({ isTTY: true });
    const line = new ProgressLine(terminal.stderr, () => 0);
    line.clear();
    line.moved({ ...rewind, seq: 1 });
    line.clear();
    line.clear();
    expect(terminal.err().endsWith('\r\x1b[K')).toBe(true);
    expect(terminal.err().split('\r')).toHaveLength(3);
  });

  it('draws nothing where there is no terminal', () => {
    const terminal = fakeTerminal();
    new ProgressLine(terminal.stderr, () => 0).moved({ ...rewind, seq: 1 });
    expect(terminal.err()).toBe('');
  });
});
