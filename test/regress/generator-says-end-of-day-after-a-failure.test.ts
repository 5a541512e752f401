import { expect, it } from 'vitest';
import GeneratorActor, { type MessageListener } from '../../actors/generator.js';
import type { Ref } from '../../actors/runtime/index.js';
import type { SessionRollerProtocol } from '../../actors/session-roller.js';
import { startSystem } from '../actors/actor-system.js';
import { until } from '../support/deadline.js';

it('says again that the day is over when that has failed, of the same session', async () => {
  const ends: unknown[] = [];
  let messages = 0;
  const listener = {
    ask: async () => {
      messages += 1;
    },
  };
  const roller = {
    ask: async (_topic: string, { session }: { session: string }) => {
      ends.push(session);
      if (ends.length > 1) return;
      // The roll was done, and its answer was lost.
      generator.tell('sessionOpened', { session: 'S2', listener: listener as unknown as MessageListener });
      throw new Error('the disk is full');
    },
  };
  const system = await startSystem();
  const heard = roller as unknown as Pick<Ref<SessionRollerProtocol>, 'ask'>;
  const parameters = { rate: 1_000, payloadBytes: 10, count: 1, source: 'main', clock: () => 0, roller: heard };
  const generator = await system.spawn({ actor: GeneratorActor }, { name: 'Generator', parameters });
  generator.tell('sessionOpened', { session: 'S1', listener: listener as unknown as MessageListener });
  generator.tell('begin', {});
  await until(() => ends.length === 2, 'a second attempt');
  expect([ends, messages]).toEqual([['S1', 'S1'], 1]);
});
