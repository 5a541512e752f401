import { expect, it } from 'vitest';
import type { Connection } from '../../actors/connection.js';
import { type RequestContext, Requests } from '../../actors/requests.js';
import type { OpenSubscription, SubscriptionStart } from '../../actors/subscription.js';
import { type ClientMessage, encodeMessage } from '../../protocol/index.js';
import { sessionOf } from '../actors/support.js';

it('asks the subscriptions of a connection in turn, so that none takes all the room there is each time', async () => {
  const asked: number[] = [];
  const connection = { closing: false, send() {}, loginAccepted() {}, refused() {} };
  const answers = [{ source: 'main' }, ...[1, 2, 3].map(subscribed)];
  const context = {
    sessionHandler: { ask: async () => answers.shift() },
    defer: (work: () => void) => void setImmediate(work),
    loggingIn() {},
    subscribe: async ({ session }: SubscriptionStart) =>
      ({ over: false, drained: () => asked.push(session.log) }) as unknown as OpenSubscription,
  };
  const requests = new Requests(connection as unknown as Connection, context as unknown as RequestContext);
  const say = async (message: ClientMessage) => requests.frame(encodeMessage(message));
  await say({ type: 'LOGIN', versions: [1] });
  for (const request of [1, 2, 3]) await say({ type: 'SUBSCRIBE', request });
  for (let times = 0; times < 3; times += 1) requests.drained();
  expect(asked).toEqual([1, 2, 3, 2, 3, 1, 3, 1, 2]);
});

function subscribed(log: number) {
  return { session: sessionOf({ log }), decision: { action: 'subscribe', next: 1 } };
}
