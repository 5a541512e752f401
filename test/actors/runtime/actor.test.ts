import { describe, expect, it, vi } from 'vitest';
import { Actor, type Behaviour, Mailbox, type Ref, TimeoutError } from '../../../actors/runtime/index.js';
import { recordedLogger, startSystem, timeoutMs } from './support.js';

type EchoProtocol = {
  echo: [{ value: unknown }, { value: unknown }];
  fail: [{ error: Error }, void];
  failSoon: [{ error: Error }, void];
  never: [object, { never: true }];
  wait: [{ until: Promise<void> }, void];
};

interface EchoParameters {
  log: string[];
  stopsAfter?: Promise<void>;
  onStop?: () => void;
  children?: string[];
}

class Echo extends Actor<EchoParameters, EchoProtocol> implements Behaviour<EchoProtocol> {
  readonly #log = this.parameters.log;

  override async onStart(): Promise<void> {
    this.#log.push(`${this.name} started`);
    for (const name of this.parameters.children ?? []) {
      await this.spawn({ actor: Echo }, { name, parameters: { log: this.#log } });
    }
  }

  override async onStop(): Promise<void> {
    await this.parameters.stopsAfter;
    this.parameters.onStop?.();
    this.#log.push(`${this.name} stopped`);
  }

  echo({ value }: { value: unknown }): { value: unknown } {
    this.#log.push(`echo ${String(value)}`);
    return { value };
  }

  fail({ error }: { error: Error }): void {
    throw error;
  }

  async failSoon({ error }: { error: Error }): Promise<void> {
    await Promise.resolve();
    throw error;
  }

  never(): Promise<{ never: true }> {
    return new Promise(() => {});
  }

  async wait({ until }: { until: Promise<void> }): Promise<void> {
    this.#log.push('waiting');
    await until;
    this.#log.push('waited');
  }
}

async function startEcho(options: Parameters<typeof startSystem>[0] = {}, parameters: Partial<EchoParameters> = {}) {
  const log: string[] = [];
  const system = await startSystem(options);
  const echo = await system.spawn({ actor: Echo }, { name: 'Echo', parameters: { log, ...parameters } });
  return { system, echo, log };
}

/** A promise and its resolve function. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('an in-memory actor', () => {
  it('gets and gives the very objects, functions and buffers', async () => {
    const { echo } = await startEcho();
    const value = { buffer: Buffer.from('x'), run: () => 1, big: 1n };
    expect((await echo.ask('echo', { value }, { timeoutMs })).value).toBe(value);
    expect(echo.pid).toBe(process.pid);
  });

  it('handles tells and asks of one sender in the order they were sent', async () => {
    const order: number[] = [];
    type Protocol = { told: [{ n: number }, void]; asked: [{ n: number }, { n: number }] };
    class Recorder extends Actor<object, Protocol> implements Behaviour<Protocol> {
      told({ n }: { n: number }): void {
        order.push(n);
      }
      asked({ n }: { n: number }): { n: number } {
        order.push(n);
        return { n };
      }
    }
    const system = await startSystem();
    const ref = await system.spawn({ actor: Recorder }, { name: 'Recorder', parameters: {} });
    const answers: Promise<{ n: number }>[] = [];
    for (let n = 0; n < 300; n++) {
      if (n % 3 === 2) answers.push(ref.ask('asked', { n }, { timeoutMs }));
      else ref.tell('told', { n });
    }
    await Promise.all(answers);
    expect(order).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('rejects an ask with the very error its handler threw', async () => {
    const { echo } = await startEcho();
    const error = Object.assign(new Error('as told'), { code: 'ERR_TEST' });
    await expect(echo.ask('fail', { error }, { timeoutMs })).rejects.toBe(error);
    await expect(echo.ask('failSoon', { error }, { timeoutMs })).rejects.toBe(error);
  });

  it.each(['fail', 'failSoon'] as const)('escalates an error thrown in a tell (%s)', async (topic) => {
    const onFatal = vi.fn();
    const { echo } = await startEcho({ onFatal });
    const error = new Error('nobody waits for this');
    echo.tell(topic, { error });
    await vi.waitFor(() => expect(onFatal).toHaveBeenCalledWith(error, { actor: 'Echo', topic }));
  });

  it('refuses a topic it does not have', async () => {
    const { echo } = await startEcho();
    const untyped = echo as unknown as Ref<{ echoo: [object, void] }>;
    await expect(untyped.ask('echoo', {}, { timeoutMs })).rejects.toThrow("Echo has no handler for 'echoo'");
  });

  it('fails an ask that is not answered in time and says which', async () => {
    const { echo } = await startEcho({ stopTimeoutMs: 20 });
    const error = await echo.ask('never', {}, { timeoutMs: 5 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_ASK_TIMEOUT', actor: 'Echo', topic: 'never', timeoutMs: 5 });
    expect((error as Error).message).toBe("Echo did not answer 'never' within 5 ms");
  });

  it('lets handlers interleave unless they go through a mailbox', async () => {
    const { echo, log } = await startEcho();
    const { opened, open } = gate();
    const waiting = echo.ask('wait', { until: opened }, { timeoutMs });
    await echo.ask('echo', { value: 1 }, { timeoutMs });
    open();
    await waiting;
    expect(log.slice(1)).toEqual(['waiting', 'echo 1', 'waited']);
  });

  it('rejects the spawn with what onStart or the constructor threw', async () => {
    class Refuses extends Actor<object> {
      override onStart(): void {
        throw new RangeError('does not start');
      }
    }
    class Breaks extends Actor<object> {
      readonly length = new Array(-1);
    }
    const system = await startSystem();
    await expect(system.spawn({ actor: Refuses }, { name: 'A', parameters: {} })).rejects.toThrow('does not start');
    await expect(system.spawn({ actor: Breaks }, { name: 'B', parameters: {} })).rejects.toThrow(RangeError);
  });
});

describe('stopping an in-memory actor', () => {
  it('stops its children first and tells its exit', async () => {
    const { echo, log } = await startEcho({}, { children: ['a', 'b'] });
    await echo.stop();
    expect(log.slice(0, 3)).toEqual(['Echo started', 'a started', 'b started']);
    expect(log.slice(3, 5).sort()).toEqual(['a stopped', 'b stopped']);
    expect(log.slice(5)).toEqual(['Echo stopped']);
    expect(await echo.exited).toEqual({ code: null, signal: null, expected: true });
  });

  it('is done for all actors by the stop of the system', async () => {
    const { system, echo, log } = await startEcho({}, { children: ['a'] });
    await system.stop();
    await echo.exited;
    expect(log.slice(2)).toEqual(['a stopped', 'Echo stopped']);
    const parameters = { log };
    const late = system.spawn({ actor: Echo }, { name: 'Late', parameters });
    await expect(late).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED', actor: 'Late' });
  });

  it('lets what was sent before be handled, and drops or rejects what comes after', async () => {
    const { echo, log } = await startEcho();
    const last = echo.ask('echo', { value: 'last' }, { timeoutMs });
    const stopped = echo.stop();
    const late = echo.ask('echo', { value: 'late' }, { timeoutMs });
    echo.tell('fail', { error: new Error('never handled') });
    await expect(late).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED', actor: 'Echo' });
    expect(await last).toEqual({ value: 'last' });
    await stopped;
    expect(log).toEqual(['Echo started', 'echo last', 'Echo stopped']);
  });

  it('gives up an actor that does not stop in time', async () => {
    const { logger, line } = recordedLogger('error');
    const { opened, open } = gate();
    const { echo } = await startEcho({ logger, stopTimeoutMs: 20 }, { stopsAfter: opened });
    await echo.stop();
    expect(await echo.exited).toMatchObject({ expected: true });
    expect(await line(/did not stop within 40 ms/)).toMatchObject({ actor: 'Echo' });
    open();
  });

  it('escalates an error thrown in onStop', async () => {
    const onFatal = vi.fn();
    const error = new Error('cannot stop');
    const onStop = (): never => {
      throw error;
    };
    const { echo } = await startEcho({ onFatal }, { onStop });
    await echo.stop();
    expect(onFatal).toHaveBeenCalledWith(error, { actor: 'Echo', topic: 'onStop' });
  });

  it('works for more children than one parent of comedy may have', async () => {
    const names = Array.from({ length: 1_201 }, (_, n) => `child ${n}`);
    const { echo, log } = await startEcho({}, { children: names });
    await echo.stop();
    expect(log.filter((entry) => entry.startsWith('child') && entry.endsWith('stopped'))).toHaveLength(1_201);
    expect(log.pop()).toBe('Echo stopped');
  });
});

describe('Mailbox', () => {
  it('runs jobs one after the other, in the order given', async () => {
    const mailbox = new Mailbox('Echo');
    const log: string[] = [];
    const job = (n: number) => async (): Promise<number> => {
      log.push(`start ${n}`);
      await Promise.resolve();
      log.push(`end ${n}`);
      return n;
    };
    expect(await Promise.all([mailbox.run(job(1)), mailbox.run(job(2))])).toEqual([1, 2]);
    expect(log).toEqual(['start 1', 'end 1', 'start 2', 'end 2']);
    expect(mailbox.depth).toBe(0);
  });

  it('goes on after a job that failed', async () => {
    const mailbox = new Mailbox('Echo');
    const failing = mailbox.run(() => {
      throw new Error('this job fails');
    });
    const next = mailbox.run(() => 'next');
    await expect(failing).rejects.toThrow('this job fails');
    expect(await next).toBe('next');
  });

  it('refuses a job beyond its limit without running it, and takes jobs again when there is room', async () => {
    const mailbox = new Mailbox('Echo', 2);
    const { opened, open } = gate();
    const jobs = [mailbox.run(() => opened), mailbox.run(() => opened)];
    const refused = vi.fn();
    await expect(mailbox.run(refused)).rejects.toMatchObject({ code: 'ERR_MAILBOX_FULL', actor: 'Echo' });
    expect(mailbox.depth).toBe(2);
    open();
    await Promise.all(jobs);
    expect(refused).not.toHaveBeenCalled();
    expect(await mailbox.run(() => 'room')).toBe('room');
  });
});
