import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Exit, Ref } from '../../actors/runtime/index.js';
import { type PingProtocol, SupervisedFork } from '../../actors/supervised-fork.js';
import { deferred, silent } from './support.js';

/** A process that can be made to end, or to hang. */
class TestFork {
  readonly #exit = deferred<Exit>();
  readonly exited = this.#exit.promise;
  hangs = false;
  stopped = 0;

  constructor(readonly pid: number) {}

  ask(): Promise<void> {
    return this.hangs ? Promise.reject(new Error('no answer')) : Promise.resolve();
  }

  async stop(): Promise<void> {
    this.stopped += 1;
    this.#exit.resolve({ code: 0, signal: null, expected: true });
  }

  die(): void {
    this.#exit.resolve({ code: null, signal: 'SIGKILL', expected: false });
  }
}

function supervised() {
  const forks: TestFork[] = [];
  let refusing = 0;
  const onGiveUp = vi.fn();
  const fork = new SupervisedFork<PingProtocol>({
    name: 'Edge 1',
    logger: silent,
    onGiveUp,
    spawn: async () => {
      if (refusing > 0) {
        refusing -= 1;
        throw new Error('cannot fork');
      }
      const started = new TestFork(forks.length + 1);
      forks.push(started);
      return started as unknown as Ref<PingProtocol>;
    },
  });
  return {
    fork,
    forks,
    onGiveUp,
    refuse: (times: number) => {
      refusing = times;
    },
  };
}

/** Fake time passes, and everything that is due happens. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a supervised fork', () => {
  it('is started anew after its process has died', async () => {
    const { fork, forks } = supervised();
    await fork.start();
    expect(fork.ref?.pid).toBe(1);
    forks[0]!.die();
    await pass(0);
    expect(fork.ref).toBeUndefined();
    await pass(100);
    expect(fork.ref?.pid).toBe(2);
    await fork.stop();
  });

  it('waits longer after every death', async () => {
    const { fork, forks } = supervised();
    await fork.start();
    for (const [index, delayMs] of [100, 200, 400].entries()) {
      forks[index]!.die();
      await pass(delayMs - 1);
      expect(forks).toHaveLength(index + 1);
      await pass(1);
      expect(forks).toHaveLength(index + 2);
    }
    await fork.stop();
  });

  it('is killed and started anew when it does not answer', async () => {
    const { fork, forks } = supervised();
    await fork.start();
    forks[0]!.hangs = true;
    await pass(1_000);
    expect(forks[0]!.stopped).toBe(1);
    await pass(100);
    expect(fork.ref?.pid).toBe(2);
    await pass(10_000);
    expect(forks).toHaveLength(2);
    await fork.stop();
  });

  it('is tried again when its first start fails', async () => {
    const { fork, refuse } = supervised();
    refuse(2);
    await fork.start();
    expect(fork.ref).toBeUndefined();
    await pass(100 + 200);
    expect(fork.ref?.pid).toBe(1);
    await fork.stop();
  });

  it('is given up when it cannot be started more than 10 times in a minute', async () => {
    const { fork, forks, onGiveUp, refuse } = supervised();
    refuse(11);
    await fork.start();
    await pass(60_000);
    expect(onGiveUp).toHaveBeenCalledTimes(1);
    expect(onGiveUp.mock.calls[0]![0]).toMatchObject({
      code: 'ERR_RESTARTS_EXCEEDED',
      cause: { message: 'cannot fork' },
    });
    await pass(60_000);
    expect(forks).toHaveLength(0);
    await fork.stop();
  });

  it('is not given up when it dies now and then', async () => {
    const { fork, forks, onGiveUp } = supervised();
    await fork.start();
    for (let deaths = 1; deaths <= 30; deaths += 1) {
      forks[forks.length - 1]!.die();
      await pass(10_000);
      expect(forks).toHaveLength(deaths + 1);
    }
    expect(onGiveUp).not.toHaveBeenCalled();
    await fork.stop();
  });

  it('is not started anew when it is stopped, and is asked nothing any more', async () => {
    const { fork, forks } = supervised();
    await fork.start();
    await fork.stop();
    const ask = vi.spyOn(forks[0]!, 'ask');
    await pass(60_000);
    expect([forks.length, forks[0]!.stopped, ask.mock.calls.length, vi.getTimerCount()]).toEqual([1, 1, 0, 0]);
  });

  it('is not started by a restart that was due when it is stopped', async () => {
    const { fork, forks } = supervised();
    await fork.start();
    forks[0]!.die();
    await pass(0);
    await fork.stop();
    await pass(60_000);
    expect(forks).toHaveLength(1);
  });
});
