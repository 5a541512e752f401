import { describe, expect, it } from 'vitest';
import type { Subscription } from '../../client/index.js';
import { until, within } from '../support/deadline.js';
import type { FakeConnection } from '../support/fake-connection.js';
import { rejectionOf, startPair, take } from './setup.js';

const end = { type: 'END_OF_SESSION', log: 1, session: 'S1', lastSeq: 2, reason: 'night', next: 'S2' } as const;

/** What a server answers a request with, once more: it goes on with the next session. */
function goesOn(connection: FakeConnection, request: number, more: { session?: string; log?: number } = {}): void {
  const { session = 'S2', log = 2 } = more;
  const facts = { source: 'main', epoch: 'e2', state: 'active', from: 1, lastSeq: 0 } as const;
  connection.send({ type: 'SUBSCRIBED', request, log, session, ...facts });
}

/** Messages and ends a consumer sees, in the order in which it sees them. */
async function story(subscription: Subscription<Uint8Array>, count: number): Promise<string[]> {
  const seen: string[] = [];
  subscription.on('ended', ({ session, next }) => seen.push(`${session} ended, ${next} is next`));
  for await (const { session, seq } of subscription) {
    seen.push(`${session} ${seq}`);
    if (seen.length === count) break;
  }
  return seen;
}

describe('a subscription that follows', () => {
  it('goes on with the session behind, from 1, and tells of the end in between', async () => {
    const { connection, client } = await startPair();
    const seen = story(client.subscribe({ from: 1, follow: true }), 5);
    const { request, follow } = await connection.subscribed();
    expect(follow).toBe(true);
    connection.messages(1, ['a', 'b']);
    connection.send(end);
    goesOn(connection, request);
    connection.messages(1, ['c', 'd'], 2);
    expect(await within(seen, 'both sessions')).toEqual(['S1 1', 'S1 2', 'S1 ended, S2 is next', 'S2 1', 'S2 2']);
    expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 2 });
  });

  it('ends when there is no session behind', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1, follow: true })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    const { next: _, ...last } = end;
    connection.send(last);
    await take(iterator, 2);
    expect(await within(iterator.next(), 'the end')).toMatchObject({ done: true });
  });

  it('is where its consumer is, also when messages of the next session are there', async () => {
    const { connection, client } = await startPair();
    const subscription = client.subscribe({ from: 1, follow: true });
    const iterator = subscription[Symbol.asyncIterator]();
    const { request } = await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    connection.send(end);
    goesOn(connection, request);
    connection.messages(1, ['c'], 2);
    await take(iterator, 1);
    await until(() => subscription.position !== undefined, 'a position');
    expect(subscription.position).toEqual({ session: 'S1', epoch: 'e1', from: 2 });
    await take(iterator, 2);
    expect(subscription.position).toEqual({ session: 'S2', epoch: 'e2', from: 2 });
  });

  it('asks for the end of its session again when the connection breaks between two sessions, and tells of it once', async () => {
    const { server, connection, client } = await startPair();
    const seen = story(client.subscribe({ from: 1, follow: true }), 4);
    await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    connection.send(end);
    connection.drop();
    const again = await server.accept();
    await again.login();
    const { request, ...asked } = await again.subscribed({ log: 4, from: 3, lastSeq: 2, state: 'ended' });
    expect(asked).toMatchObject({ session: 'S1', epoch: 'e1', from: 3, follow: true });
    again.send({ ...end, log: 4 });
    goesOn(again, request, { log: 5 });
    again.messages(1, ['c'], 5);
    expect(await within(seen, 'both sessions')).toEqual(['S1 1', 'S1 2', 'S1 ended, S2 is next', 'S2 1']);
  });

  it('leaves the next session too when it was closed while its session ended', async () => {
    const { connection, client } = await startPair();
    const subscription = client.subscribe({ from: 1, follow: true });
    const { request } = await connection.subscribed();
    connection.messages(1, ['a']);
    await take(subscription[Symbol.asyncIterator](), 1);
    subscription.close();
    expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 1 });
    connection.messages(2, ['b']);
    connection.send(end, { type: 'UNSUBSCRIBED', log: 1 });
    goesOn(connection, request);
    connection.messages(1, ['c'], 2);
    expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 2 });
    connection.send({ type: 'UNSUBSCRIBED', log: 2 });
    const sessions = client.sessions();
    const { request: asked } = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request: asked, sessions: [] });
    expect(await sessions).toEqual([]);
  });

  it('fails when the session behind is refused', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1, follow: true })[Symbol.asyncIterator]();
    const { request } = await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    connection.send(end);
    const code = 'ERR_ALREADY_SUBSCRIBED';
    connection.send({ type: 'REJECTED', request, code, message: 'there is one', remedy: 'never' });
    await take(iterator, 2);
    expect(await rejectionOf(iterator.next())).toMatchObject({ code });
  });

  it('is failed by a next session that does not start with 1', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1, follow: true })[Symbol.asyncIterator]();
    const { request } = await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    connection.send(end);
    const facts = { source: 'main', epoch: 'e2', state: 'active', lastSeq: 9 } as const;
    connection.send({ type: 'SUBSCRIBED', request, log: 2, session: 'S2', from: 3, ...facts });
    await take(iterator, 2);
    expect(await rejectionOf(iterator.next())).toMatchObject({ code: 'ERR_GAP' });
  });
});

it('a subscription is told once that its session is discarded, also over a reconnect', async () => {
  const { server, connection, client } = await startPair();
  const told: string[] = [];
  const subscription = client.subscribe({ from: 1 });
  subscription.on('discarded', ({ session, reason }) => told.push(`${session}: ${reason}`));
  const iterator = subscription[Symbol.asyncIterator]();
  await connection.subscribed();
  const mark = { type: 'SESSION_DISCARDED', session: 'S1', reason: 'nonsense' } as const;
  connection.send({ ...mark, log: 1 });
  connection.messages(1, ['a']);
  await take(iterator, 1);
  expect(told).toEqual(['S1: nonsense']);
  connection.drop();
  const again = await server.accept();
  await again.login();
  await again.subscribed({ log: 4, from: 2, lastSeq: 1 });
  again.send({ ...mark, log: 4 });
  again.messages(2, ['b'], 4);
  await take(iterator, 1);
  expect(told).toEqual(['S1: nonsense']);
});

describe('a roll', () => {
  const summary = {
    source: 'main',
    log: 1,
    epoch: 'e1',
    state: 'active',
    firstSeq: 1,
    lastSeq: 0,
    createdMs: 1,
  } as const;

  it('names the session that is active, so that it is done once over a reconnect', async () => {
    const { server, connection, client } = await startPair();
    const rolled = client.roll({ reason: 'night', discard: true });
    const { request } = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request, sessions: [{ ...summary, session: 'S1' }] });
    const asked = { reason: 'night', session: 'S1', discard: true };
    expect(await connection.take('ROLL')).toMatchObject(asked);
    connection.drop();
    const again = await server.accept();
    await again.login();
    const roll = await again.take('ROLL');
    expect(roll).toMatchObject(asked);
    const ended = { ...summary, session: 'S1', state: 'ended' } as const;
    const opened = { ...summary, session: 'S2', log: 2 };
    again.send({ type: 'ROLLED', request: roll.request, ended, opened });
    expect(await rolled).toEqual({ ended, opened });
  });

  it('is rejected with what the server says', async () => {
    const { connection, client } = await startPair();
    const rolled = client.roll({ reason: 'night', session: 'S0' });
    const { request } = await connection.take('ROLL');
    connection.send({ type: 'REJECTED', request, code: 'ERR_UNKNOWN_SESSION', message: 'none', remedy: 'never' });
    expect(await rejectionOf(rolled)).toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
  });
});
