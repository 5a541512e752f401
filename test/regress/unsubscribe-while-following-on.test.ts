import { beforeEach, expect, it } from 'vitest';
import type { Connection } from '../../actors/connection.js';
import { type RequestContext, Requests } from '../../actors/requests.js';
import type { OpenSubscription, SubscriptionStart } from '../../actors/subscription.js';
import { type ClientMessage, encodeMessage, type ServerMessage } from '../../protocol/index.js';
import { sessionOf } from '../actors/support.js';

const sent: ServerMessage[] = [];
const started: { start: SubscriptionStart; begin: () => void; stopped: boolean }[] = [];
let requests: Requests;

beforeEach(async () => {
  sent.length = 0;
  started.length = 0;
  const send = (message: ServerMessage) => void sent.push(message);
  const connection = { closing: false, send, loginAccepted() {}, refused() {} };
  const answers = [{ source: 'main' }, subscribed(1), subscribed(2), subscribed(2)];
  const context = {
    sessionHandler: { ask: async () => answers.shift() },
    defer: (work: () => void) => void setImmediate(work),
    loggingIn() {},
    gone() {},
    subscribe: (start: SubscriptionStart) =>
      new Promise<OpenSubscription>((resolve) => {
        const one = { start, stopped: false, begin: () => resolve(subscription as unknown as OpenSubscription) };
        const subscription = {
          over: false,
          stop: () => {
            one.stopped = true;
          },
        };
        started.push(one);
        if (start.session.log === 1) one.begin();
      }),
  };
  requests = new Requests(connection as unknown as Connection, context as unknown as RequestContext);
  await say({ type: 'LOGIN', versions: [1] });
  await say({ type: 'SUBSCRIBE', request: 1, follow: true });
  started[0]!.start.over({ lastSeq: 9, reason: 'rolled', next: 'second' });
  while (started.length < 2) await new Promise((resolve) => setImmediate(resolve));
});

const say = async (message: ClientMessage) => requests.frame(encodeMessage(message));

function subscribed(log: number) {
  return { session: sessionOf({ log }), decision: { action: 'subscribe', next: 1 } };
}

it('a subscription that has just followed on can be ended before it has begun', async () => {
  const unsubscribed = say({ type: 'UNSUBSCRIBE', log: 2 });
  started[1]!.begin();
  await unsubscribed;
  expect(started[1]!.stopped).toBe(true);
  expect(sent[sent.length - 1]).toEqual({ type: 'UNSUBSCRIBED', log: 2 });
});

it('a session that is about to be followed on to is not subscribed to twice', async () => {
  const again = say({ type: 'SUBSCRIBE', request: 2 });
  while (!sent.some(({ type }) => type === 'REJECTED') && started.length < 3) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const one of started) one.begin();
  await again;
  expect(sent[sent.length - 1]).toMatchObject({ type: 'REJECTED', request: 2, code: 'ERR_ALREADY_SUBSCRIBED' });
  requests.closed();
  expect(started.map(({ stopped }) => stopped)).toEqual([false, true]);
});
