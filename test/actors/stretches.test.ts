import { describe, expect, it } from 'vitest';
import { Stretches } from '../../actors/stretches.js';
import { turn } from '../support/deadline.js';

describe('work in stretches', () => {
  it('is done soon and in order, but not before it was all handed in', async () => {
    const done: number[] = [];
    const stretches = new Stretches(() => 0);
    for (const item of [1, 2, 3]) stretches.add(() => done.push(item));
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual([1, 2, 3]);
  });

  it('lets the event loop go on as soon as a stretch has lasted a millisecond', async () => {
    let nowMs = 0;
    const done: string[] = [];
    const stretches = new Stretches(() => nowMs);
    for (const item of ['a', 'b', 'c']) {
      stretches.add(() => {
        nowMs += 1;
        done.push(item);
      });
    }
    for (let turns = 1; turns <= 3; turns += 1) {
      await turn();
      done.push(`turn ${turns}`);
    }
    expect(done).toEqual(['a', 'turn 1', 'b', 'turn 2', 'c', 'turn 3']);
  });

  it('lets the event loop go on after some pieces, however quick they are', async () => {
    let done = 0;
    const stretches = new Stretches(() => 0);
    for (let piece = 0; piece < 100; piece += 1) {
      stretches.add(() => {
        done += 1;
      });
    }
    const afterTurns: number[] = [];
    while (done < 100) {
      await turn();
      afterTurns.push(done);
    }
    expect(afterTurns).toEqual([32, 64, 96, 100]);
  });

  it('takes what is added by the work itself, and what comes after all was done', async () => {
    const done: string[] = [];
    const stretches = new Stretches(() => 0);
    stretches.add(() => {
      done.push('first');
      stretches.add(() => done.push('second'));
    });
    await turn();
    stretches.add(() => done.push('third'));
    await turn();
    expect(done).toEqual(['first', 'second', 'third']);
  });
});
