import { expect, it } from 'vitest';
import { CatchUp } from '../../actors/catch-up.js';
import type { Origin } from '../../actors/origin.js';
import { PageTurns } from '../../actors/page-turns.js';
import type { Rewinds } from '../../actors/rewinds.js';
import { Actor, System } from '../../actors/runtime/index.js';
import { Subscriptions } from '../../actors/subscriptions.js';
import { sessionOf, silent } from '../actors/support.js';

/** Makes subscriptions, as an edge does. */
class Edge extends Actor<{ made(subscriptions: Subscriptions): void }> {
  override onStart(): void {
    this.parameters.made(new Subscriptions({ spawn: this.spawn.bind(this) }, {} as Origin, {} as Rewinds));
  }
}

it('stops in peace while a subscription is being made', async () => {
  const fatal: Error[] = [];
  const system = await System.start({ logger: silent, onFatal: (error) => fatal.push(error) });
  let subscriptions!: Subscriptions;
  const made = (given: Subscriptions) => {
    subscriptions = given;
  };
  await system.spawn({ actor: Edge }, { name: 'Edge', parameters: { made } });
  const outlet = {
    id: 1,
    hasRoom: true,
    queuedBytes: 0,
    pageTurns: new PageTurns(() => true, new CatchUp()),
    send() {},
    write() {},
  };
  const start = { session: sessionOf(), next: 1, pull: true, client: '', outlet, over() {} };
  const opening = subscriptions.subscribe(start).catch(() => undefined);
  await system.stop();
  await opening;
  expect(fatal).toEqual([]);
});
