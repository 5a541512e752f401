import { expect, it } from 'vitest';
import GeneratorActor, { type MessageListener } from '../../actors/generator.js';
import { startSystem } from '../actors/actor-system.js';
import { until } from '../support/deadline.js';

it('tries again to end the session when that has failed', async () => {
  const ends: string[] = [];
  let messages = 0;
  const listener = {
    ask: async (topic: string) => {
      if (topic === 'publish') {
        messages += 1;
        return;
      }
      ends.push(topic);
      if (ends.length === 1) throw new Error('the disk is full');
    },
  };
  const system = await startSystem();
  const parameters = { rate: 1_000, payloadBytes: 10, count: 1, source: 'main', clock: () => 0 };
  const generator = await system.spawn({ actor: GeneratorActor }, { name: 'Generator', parameters });
  generator.tell('sessionOpened', { session: 'S1', listener: listener as unknown as MessageListener });
  generator.tell('begin', {});
  await until(() => ends.length === 2, 'a second attempt');
  expect(messages).toBe(1);
});
