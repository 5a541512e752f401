import { describe, expect, it } from 'vitest';
import { PublishBudget, PublishWindow } from '../../actors/publish-window.js';
import type { PublishAnswer } from '../../actors/publisher.js';
import { limits } from '../../protocol/index.js';

function acknowledged(number: number): PublishAnswer {
  return { type: 'ACKNOWLEDGED', number } as PublishAnswer;
}

function refused(number: number): PublishAnswer {
  return { type: 'REFUSED', number } as PublishAnswer;
}

function windowOf(budget = new PublishBudget(1_000_000_000)) {
  return { budget, window: new PublishWindow(budget) };
}

describe('a publish window', () => {
  it('is full at 1 MiB of unacknowledged bytes and has room after an acknowledgement', () => {
    const { budget, window } = windowOf();
    window.admit(1, limits.publishWindowBytes - 1);
    expect(window.full).toBe(false);
    window.admit(2, 1);
    expect([window.full, budget.bytes]).toEqual([true, limits.publishWindowBytes]);
    window.answered(acknowledged(1));
    expect([window.full, budget.bytes]).toEqual([false, 1]);
  });

  it('is full at 4096 unacknowledged publishes, however small', () => {
    const { window } = windowOf();
    for (let number = 1; number < limits.publishesInFlightMax; number += 1) window.admit(number, 0);
    expect(window.full).toBe(false);
    window.admit(limits.publishesInFlightMax, 0);
    expect(window.full).toBe(true);
  });

  it('counts an acknowledgement for everything up to its number', () => {
    const { budget, window } = windowOf();
    for (const number of [1, 2, 3]) window.admit(number, 10);
    window.answered(acknowledged(2));
    expect(budget.bytes).toBe(10);
  });

  it('counts a refusal for the refused publish alone, and what is dropped behind it as it is dropped', () => {
    const { budget, window } = windowOf();
    for (const number of [1, 2, 3, 4]) window.admit(number, 10);
    window.answered(refused(2));
    expect(budget.bytes).toBe(30);
    window.dropped(3, 4);
    expect(budget.bytes).toBe(10);
  });

  it('lets go of the later one when a publish was sent twice', () => {
    const { budget, window } = windowOf();
    window.admit(1, 10);
    window.admit(1, 20);
    window.dropped(1, 1);
    expect(budget.bytes).toBe(10);
    window.answered(acknowledged(1));
    expect(budget.bytes).toBe(0);
  });

  it('gives everything back when its connection closes', () => {
    const { budget, window } = windowOf();
    for (const number of [1, 2]) window.admit(number, 10);
    window.close();
    expect(budget.bytes).toBe(0);
    window.answered(acknowledged(2));
    expect(budget.bytes).toBe(0);
  });
});

describe('the budget of all windows', () => {
  it('wakes each waiting connection once when there is room again', () => {
    const budget = new PublishBudget(100);
    const one = windowOf(budget).window;
    const woken: string[] = [];
    one.admit(1, 60);
    one.admit(2, 60);
    expect(budget.full).toBe(true);
    budget.wait(() => woken.push('a'));
    budget.wait(() => woken.push('b'));
    one.answered(acknowledged(1));
    expect(woken).toEqual(['a', 'b']);
    one.answered(acknowledged(2));
    expect(woken).toEqual(['a', 'b']);
  });

  it('wakes nobody while it is still full', () => {
    const budget = new PublishBudget(100);
    const one = windowOf(budget).window;
    const woken: string[] = [];
    for (const number of [1, 2, 3]) one.admit(number, 60);
    budget.wait(() => woken.push('a'));
    one.answered(acknowledged(1));
    expect(woken).toEqual([]);
    one.answered(acknowledged(2));
    expect(woken).toEqual(['a']);
  });

  it('forgets who no longer waits, and calls once who waits twice', () => {
    const budget = new PublishBudget(10);
    budget.take(10);
    let woken = 0;
    const wake = () => {
      woken += 1;
    };
    budget.wait(wake);
    budget.wait(wake);
    const gone = () => {
      throw new Error('has gone');
    };
    budget.wait(gone);
    budget.forget(gone);
    budget.release(5);
    expect(woken).toBe(1);
  });
});
