import { describe, expect, it, onTestFinished } from 'vitest';
import type { InputProtocol } from '../../../actors/inputs/input.js';
import { InputError } from '../../../actors/inputs/input-error.js';
import { SupervisedInput } from '../../../actors/inputs/supervised-input.js';
import type { Ref } from '../../../actors/runtime/index.js';
import { until } from '../../support/deadline.js';
import { LogLines } from '../../support/log-lines.js';

const config = { kind: 'module', name: 'ticks', source: 'main', path: '/ticks.mjs' } as const;
const limits = { delayFirstMs: 1, delayMsMax: 2, restartsMax: 3, withinMs: 60_000 };

async function start() {
  const log = new LogLines();
  const ends: ((error: Error | undefined) => void)[] = [];
  const stopped: number[] = [];
  const input = new SupervisedInput({
    config,
    limits,
    logger: log.logger,
    spawn: async (ended) => {
      const number = ends.push(ended);
      const inspection = { state: 'reading', messages: 5, position: `${number}`, problem: '' };
      const stop = async () => void stopped.push(number);
      return { tell: () => {}, ask: async () => inspection, stop } as unknown as Ref<InputProtocol>;
    },
  });
  onTestFinished(() => input.stop());
  await input.start();
  const started = (times: number) => until(() => ends.length === times, `start ${times} of the input`);
  return { input, log, ends, stopped, started };
}

describe('a supervised input', () => {
  it('is started anew when it fails', async () => {
    const { input, ends, stopped, started } = await start();
    expect(await input.inspect()).toMatchObject({ name: 'ticks', kind: 'module', state: 'reading', restarts: 0 });
    ends[0]!(new Error('no route'));
    await started(2);
    expect(await input.inspect()).toMatchObject({ state: 'reading', restarts: 1, position: '2' });
    expect(stopped).toEqual([1]);
  });

  it('is reported and left alone when it fails too often', async () => {
    const { input, log, ends, started } = await start();
    for (let times = 1; times <= limits.restartsMax + 1; times += 1) {
      await started(times);
      ends[times - 1]!(new Error('no route'));
    }
    expect(await log.saying('the server goes on without it')).toMatchObject({ level: 50, input: 'ticks' });
    const { state, problem } = await input.inspect();
    expect([state, problem]).toEqual(['failed', expect.stringContaining('more than 3 times')]);
  });

  it('is reported at once when starting it anew cannot help', async () => {
    const { input, log, ends } = await start();
    ends[0]!(new InputError('ERR_INPUT_LINE', 'the line is too long'));
    await log.saying('the server goes on without it');
    expect(await input.inspect()).toMatchObject({ state: 'failed', restarts: 0, problem: 'the line is too long' });
  });

  it('stays as it was when it has come to its end', async () => {
    const { input, ends, stopped } = await start();
    ends[0]!(undefined);
    await until(() => stopped.length === 1, 'the stop of the actor');
    expect(await input.inspect()).toMatchObject({ state: 'ended', messages: 5, position: '1', problem: '' });
    expect(ends.length).toBe(1);
  });
});
