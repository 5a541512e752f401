import { describe, expect, it } from 'vitest';
import { WaitNotice } from '../../cli/wait-notice.js';

/** A notice whose timer runs when the test says so. */
function stage() {
  const told: string[] = [];
  let timer: (() => void) | undefined;
  const notice = new WaitNotice(
    (text) => told.push(text),
    (_, run) => {
      timer = run;
      return () => {
        timer = undefined;
      };
    },
  );
  const look = () => {
    const run = timer;
    timer = undefined;
    run?.();
  };
  return { notice, told, look, isWatching: () => timer !== undefined };
}

describe('WaitNotice', () => {
  it('tells once what is waited for and once that it goes on', () => {
    const { notice, told, look } = stage();
    notice.cause = 'the disk is full';
    notice.begin();
    look();
    notice.begin();
    look();
    expect(told).toEqual(['waiting for the server: the disk is full']);
    notice.moved();
    notice.moved();
    expect(told.slice(1)).toEqual(['going on']);
  });

  it('tells nothing while something moves', () => {
    const { notice, told, look, isWatching } = stage();
    notice.begin();
    for (let step = 0; step < 3; step += 1) {
      notice.moved();
      look();
    }
    expect(told).toEqual([]);
    expect(isWatching()).toBe(true);
  });

  it('watches again after it has told, and tells of the next wait', () => {
    const { notice, told, look } = stage();
    notice.begin();
    look();
    notice.moved();
    look();
    expect(told).toEqual([
      'waiting for the server: it has acknowledged nothing for a while',
      'going on',
      'waiting for the server: it has acknowledged nothing for a while',
    ]);
  });

  it('watches nothing when nothing is awaited', () => {
    const { notice, told, look, isWatching } = stage();
    notice.begin();
    look();
    notice.end();
    notice.moved();
    expect(isWatching()).toBe(false);
    expect(told).toHaveLength(1);
  });
});
