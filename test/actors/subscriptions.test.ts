import { expect, it } from 'vitest';
import type { Origin } from '../../actors/origin.js';
import type { Rewinds } from '../../actors/rewinds.js';
import type { Spawner } from '../../actors/runtime/index.js';
import type { SubscriptionStart } from '../../actors/subscription.js';
import { Subscriptions } from '../../actors/subscriptions.js';
import { Ring } from '../../storage/index.js';
import { until } from '../support/deadline.js';
import { startSystem } from './actor-system.js';
import { sessionOf } from './support.js';

it('keeps no list of a session that everybody has left, however many follow, and none that is in use goes', async () => {
  const system = await startSystem();
  const lists = new Set<string>();
  const spawn: Spawner['spawn'] = async (definition, options) => {
    const ref = await system.spawn(definition as never, options as never);
    if (!options.name.startsWith('SubscriptionList')) return ref as never;
    lists.add(options.name);
    const stop = ref.stop.bind(ref);
    ref.stop = () => {
      lists.delete(options.name);
      return stop();
    };
    return ref as never;
  };
  const origin = {
    follow: async () => ({ ring: new Ring(1_000, 11), head: 10 }),
    unfollow: () => {},
  } as unknown as Origin;
  const subscriptions = new Subscriptions({ spawn }, origin, {} as Rewinds);
  const outlet = { id: 1, hasRoom: true, queuedBytes: 0, send: () => {}, write: () => {} };
  const subscribe = (log: number) => {
    const start = { session: sessionOf({ log }), next: 11, pull: false, client: '', outlet, over: () => {} };
    return subscriptions.subscribe(start as unknown as SubscriptionStart);
  };
  const staying = await subscribe(1);
  for (let log = 2; log <= 20; log += 1) {
    const [one, another] = await Promise.all([subscribe(log), subscribe(log)]);
    await until(() => one.inspect().state === 'live' && another.inspect().state === 'live', 'the live stream');
    one.stop();
    another.stop();
  }
  const last = await subscribe(21);
  await until(() => lists.size === 2, `two lists, there are ${[...lists].join(', ')}`);
  expect([...lists]).toEqual(['SubscriptionList of log 1', 'SubscriptionList of log 21']);
  expect([staying.over, last.over, subscriptions.size]).toEqual([false, false, 2]);
});
