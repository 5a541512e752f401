import { beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.js';
import { type Bystanders, type HostileServer, loginRaw, startBystanders, startHostileServer } from './support.js';

let server: HostileServer;
let bystanders: Bystanders;

beforeEach(async () => {
  server = await startHostileServer();
  bystanders = await startBystanders(server);
});

async function untouched(): Promise<void> {
  await bystanders.noticeNothing();
  expect(server.log.failures).toEqual([]);
}

describe('a client that subscribes and unsubscribes without a pause', () => {
  it('gets each answer in order, and nothing is left behind', async () => {
    const client = await loginRaw(server);
    const rounds = 300;
    client.send({ type: 'SUBSCRIBE', request: 0 });
    const { log } = await client.take('SUBSCRIBED');
    client.send({ type: 'UNSUBSCRIBE', log });
    await client.take('UNSUBSCRIBED');
    for (let request = 1; request <= rounds; request += 1) {
      client.send({ type: 'SUBSCRIBE', request, from: 1 });
      client.send({ type: 'UNSUBSCRIBE', log });
    }
    for (let request = 1; request <= rounds; request += 1) {
      expect((await client.take('SUBSCRIBED')).request).toBe(request);
      await client.take('UNSUBSCRIBED');
    }
    client.send({ type: 'INSPECT', request: 1 });
    const { state } = await client.take('INSPECTION');
    const [edge] = state.edges as { subscriptionCount: number; rewinds: number }[];
    expect(edge).toMatchObject({ subscriptionCount: 1, rewinds: 0 });
    await untouched();
  });
});

describe('a client that wants more than one may have', () => {
  it('is rejected at the subscription beyond the limit, and the others go on', async () => {
    const sources = Array.from({ length: limits.subscriptionsPerConnectionMax + 1 }, (_, index) => `source-${index}`);
    const many = await startHostileServer({ sources });
    const others = await startBystanders(many);
    const client = await loginRaw(many);
    sources.forEach((source, request) => {
      client.send({ type: 'SUBSCRIBE', request, source });
    });
    const { request, code } = await client.take('REJECTED');
    expect([request, code]).toEqual([limits.subscriptionsPerConnectionMax, 'ERR_TOO_MANY_SUBSCRIPTIONS']);
    await many.log.withCode('ERR_TOO_MANY_SUBSCRIPTIONS');
    const { log } = await client.take('SUBSCRIBED');
    client.send({ type: 'UNSUBSCRIBE', log });
    await client.take('UNSUBSCRIBED');
    client.send({ type: 'SUBSCRIBE', request: 100, source: sources[request]! });
    let subscribed = 0;
    while (subscribed !== 100) subscribed = (await client.take('SUBSCRIBED')).request;
    await others.noticeNothing();
    expect(many.log.failures).toEqual([]);
  });

  it('is rejected at the rerequest beyond the limit, gets the others in full, and may then ask again', async () => {
    const publisher = await loginRaw(server, { publisher: 'bulk' });
    const publishes = 24;
    for (let number = 1; number <= publishes; number += 1) publisher.publish(number, [Buffer.alloc(1_000_000, number)]);
    let acknowledged = await publisher.take('ACKNOWLEDGED');
    while (acknowledged.number < publishes) acknowledged = await publisher.take('ACKNOWLEDGED');
    const to = acknowledged.runs[0]![2];
    const client = await loginRaw(server);
    client.socket.pause();
    for (let request = 1; request <= limits.rerequestsPerConnectionMax + 1; request += 1) {
      client.send({ type: 'REREQUEST', request, from: 1, to });
    }
    await server.log.withCode('ERR_TOO_MANY_REREQUESTS');
    client.socket.resume();
    expect(await client.take('REJECTED')).toMatchObject({
      request: 5,
      code: 'ERR_TOO_MANY_REREQUESTS',
      remedy: 'retry',
    });
    for (let answered = 0; answered < limits.rerequestsPerConnectionMax; answered += 1) {
      expect(await client.take('RETRANSMITTED')).toMatchObject({ from: 1, to, messages: to });
    }
    client.send({ type: 'REREQUEST', request: 6, from: 1, to: 1 });
    expect(await client.take('RETRANSMITTED')).toMatchObject({ request: 6, messages: 1 });
    await untouched();
  });
});
