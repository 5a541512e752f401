import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type StartTimer, Supervisor, type SupervisorOptions } from '../../../actors/runtime/index.js';

/** A clock and timers that move only when told to. */
class FakeTime {
  now = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();
  #lastTimer = 0;

  readonly clock = (): number => this.now;

  readonly timer: StartTimer = (run, delayMs) => {
    const id = ++this.#lastTimer;
    this.#timers.set(id, { at: this.now + delayMs, run });
    return () => this.#timers.delete(id);
  };

  /** When the timers that wait will fire, from now. */
  get delays(): number[] {
    return [...this.#timers.values()].map(({ at }) => at - this.now);
  }

  async advance(ms: number): Promise<void> {
    this.now += ms;
    for (const [id, { at, run }] of this.#timers) {
      if (at > this.now || !this.#timers.delete(id)) continue;
      run();
    }
    // Lets what the timers started come to rest.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

interface Child {
  generation: number;
}

function supervise(options: Partial<SupervisorOptions<Child>> = {}) {
  const time = new FakeTime();
  const start = vi.fn(async (generation: number): Promise<Child> => ({ generation }));
  const dispose = vi.fn();
  const onGiveUp = vi.fn();
  const supervisor = new Supervisor<Child>({
    name: 'child',
    delayFirstMs: 10,
    delayMsMax: 35,
    restartsMax: 4,
    withinMs: 1_000,
    start,
    dispose,
    onGiveUp,
    clock: time.clock,
    timer: time.timer,
    ...options,
  });
  return { supervisor, time, start, dispose, onGiveUp };
}

describe('Supervisor', () => {
  it('starts a new generation after a failure and disposes of the old child', async () => {
    const { supervisor, time, dispose } = supervise();
    await supervisor.start();
    expect(supervisor.child).toEqual({ generation: 1 });
    supervisor.failed(1, new Error('crash'));
    expect(supervisor.child).toBeUndefined();
    expect(dispose).toHaveBeenCalledWith({ generation: 1 });
    await time.advance(10);
    expect(supervisor.child).toEqual({ generation: 2 });
    expect(supervisor.state).toBe('running');
  });

  it('doubles the wait up to its maximum, and gives up at the failure after the last restart allowed', async () => {
    const { supervisor, time, onGiveUp, start } = supervise();
    await supervisor.start();
    const delays: number[] = [];
    for (let generation = 1; generation <= 4; generation++) {
      supervisor.failed(generation, new Error(`crash ${generation}`));
      delays.push(...time.delays);
      await time.advance(time.delays[0]!);
    }
    expect(delays).toEqual([10, 20, 35, 35]);
    expect(onGiveUp).not.toHaveBeenCalled();
    const last = new Error('crash 5');
    supervisor.failed(5, last);
    expect(onGiveUp).toHaveBeenCalledTimes(1);
    expect(onGiveUp.mock.calls[0]?.[0]).toMatchObject({ code: 'ERR_RESTARTS_EXCEEDED', actor: 'child', cause: last });
    expect(time.delays).toEqual([]);
    expect(start).toHaveBeenCalledTimes(5);
  });

  it('forgets failures older than the window', async () => {
    const { supervisor, time, onGiveUp } = supervise();
    await supervisor.start();
    for (let generation = 1; generation <= 20; generation++) {
      supervisor.failed(generation, new Error('crash'));
      expect(time.delays).toEqual([10]);
      await time.advance(10);
      await time.advance(1_000);
    }
    expect(onGiveUp).not.toHaveBeenCalled();
    expect(supervisor.generation).toBe(21);
  });

  it('ignores what is said about an older generation, and a second report about the same one', async () => {
    const { supervisor, time, dispose } = supervise();
    await supervisor.start();
    supervisor.failed(1, new Error('crash'));
    supervisor.failed(1, new Error('crash, told twice'));
    await time.advance(10);
    supervisor.failed(1, new Error('late news'));
    expect(supervisor.child).toEqual({ generation: 2 });
    expect(dispose).toHaveBeenCalledTimes(1);
  });

  it('counts a start that fails as a failure', async () => {
    const onGiveUp = vi.fn();
    const start = vi.fn(() => Promise.reject(new Error('no start')));
    const { supervisor, time } = supervise({ start, onGiveUp });
    await supervisor.start();
    for (let n = 0; n < 4; n++) await time.advance(35);
    expect(start).toHaveBeenCalledTimes(5);
    expect(onGiveUp).toHaveBeenCalledTimes(1);
    expect(supervisor.state).toBe('stopped');
  });

  it('disposes of a child that was reported as failed while it was starting', async () => {
    let started = (_: Child): void => {};
    const start = (generation: number) =>
      generation === 1
        ? new Promise<Child>((resolve) => {
            started = resolve;
          })
        : Promise.resolve({ generation });
    const { supervisor, time, dispose } = supervise({ start });
    const first = supervisor.start();
    supervisor.failed(1, new Error('its process is gone'));
    await time.advance(10);
    expect(supervisor.child).toEqual({ generation: 2 });
    started({ generation: 1 });
    await first;
    expect(dispose).toHaveBeenCalledWith({ generation: 1 });
    expect(supervisor.child).toEqual({ generation: 2 });
  });

  it('starts nothing more after stop, and disposes of the child that runs or is starting', async () => {
    const { supervisor, time, dispose } = supervise();
    await supervisor.start();
    await supervisor.stop();
    expect(dispose).toHaveBeenCalledWith({ generation: 1 });
    supervisor.failed(1, new Error('late'));
    await time.advance(1_000);
    expect(supervisor.generation).toBe(1);

    const waiting = supervise();
    await waiting.supervisor.start();
    waiting.supervisor.failed(1, new Error('crash'));
    await waiting.supervisor.stop();
    await waiting.time.advance(1_000);
    expect(waiting.start).toHaveBeenCalledTimes(1);

    const starting = supervise();
    const start = starting.supervisor.start();
    await starting.supervisor.stop();
    await start;
    expect(starting.dispose).toHaveBeenCalledWith({ generation: 1 });
    expect(starting.supervisor.child).toBeUndefined();
  });

  it('cannot be started twice', async () => {
    const { supervisor } = supervise();
    await supervisor.start();
    expect(() => supervisor.start()).toThrow('was started already');
  });

  it('never has more than one child, never restarts too often, and disposes of each child once', async () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('fail' as const), age: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 400 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const alive = new Set<number>();
        const starts: number[] = [];
        const time = new FakeTime();
        const { supervisor } = supervise({
          clock: time.clock,
          timer: time.timer,
          start: async (generation) => {
            starts.push(time.now);
            alive.add(generation);
            return { generation };
          },
          dispose: ({ generation }) => {
            expect(alive.delete(generation)).toBe(true);
          },
        });
        await supervisor.start();
        for (const action of steps) {
          if (action.type === 'fail') supervisor.failed(supervisor.generation - action.age, new Error('crash'));
          else await time.advance(action.ms);
          expect(alive.size).toBeLessThanOrEqual(1);
          expect(alive.size).toBe(supervisor.child === undefined ? 0 : 1);
        }
        for (const at of starts) {
          // A restart is counted when its child fails, at most delayMsMax (35 ms) plus one step before it starts.
          const inWindow = starts.filter((other) => other >= at && other < at + 1_000 - 435);
          expect(inWindow.length).toBeLessThanOrEqual(5);
        }
        await supervisor.stop();
        expect(alive.size).toBe(0);
      }),
      { seed: 20_261_121, numRuns: 200 },
    );
  });
});
