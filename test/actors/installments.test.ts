import { describe, expect, it } from 'vitest';
import { Installments } from '../../actors/installments.js';
import { turn } from '../support/deadline.js';

describe('work in installments', () => {
  it('is done soon and in order, but not before it was all handed in', async () => {
    const done: number[] = [];
    const installments = new Installments(() => 0);
    for (const item of [1, 2, 3]) installments.add(() => done.push(item));
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual([1, 2, 3]);
  });

  it('lets the event loop go on as soon as an installment has lasted a millisecond', async () => {
    let nowMs = 0;
    const done: string[] = [];
    const installments = new Installments(() => nowMs);
    for (const item of ['a', 'b', 'c']) {
      installments.add(() => {
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
    const installments = new Installments(() => 0);
    for (let piece = 0; piece < 100; piece += 1) {
      installments.add(() => {
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
    const installments = new Installments(() => 0);
    installments.add(() => {
      done.push('first');
      installments.add(() => done.push('second'));
    });
    await turn();
    installments.add(() => done.push('third'));
    await turn();
    expect(done).toEqual(['first', 'second', 'third']);
  });
});
