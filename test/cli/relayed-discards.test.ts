import { describe, expect, it, onTestFinished } from 'vitest';
import type { InputContext } from '../../actors/inputs/input-source.js';
import { RelayedDiscards } from '../../cli/relayed-discards.js';
import { type Client, connect, type SessionSummary, type Subscription } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { LogLines } from '../support/log-lines.js';
import { lineOf, startServer, storedSessions, withStore } from './relays.js';

const isDiscarded = ({ discarded }: SessionSummary) => discarded === true;
const hasEnded = ({ state }: SessionSummary) => state === 'ended';

/**
 * What a subscription reads, and is told of the ends of its sessions, in order, up to the start of session `last`. That one
 * is discarded may be told at any moment before.
 */
async function toldUpTo(subscription: Subscription<Uint8Array>, last: string): Promise<string[]> {
  const told: string[] = [];
  subscription.on('ended', ({ session, lastSeq, reason, discardReason = 'not' }) =>
    told.push(`${session} ended at ${lastSeq}, ${reason}, discarded: ${discardReason}`),
  );
  const read = async () => {
    for await (const { session, seq } of subscription) {
      if (session === last) return;
      told.push(`${session} ${seq}`);
    }
  };
  await within(read(), () => `session ${last}, after ${JSON.stringify(told)}`);
  return told;
}

describe('a relay of a server that discards a session', () => {
  it('long after its end marks it with the same reason, and tells its readers here at once', async () => {
    const upstream = await startServer();
    const relay = await startServer(upstream.port);
    for (let message = 0; message < 300; message += 1) await upstream.client.publish(Buffer.alloc(60_000));
    const { session } = (await upstream.client.roll({ reason: 'enough' })).ended!;
    await lineOf(relay, session, hasEnded);
    const reader = await connect({ port: relay.port, publisher: false, receiveBytesMax: 100_000 });
    onTestFinished(() => reader.close());
    const subscription = reader.subscribe({ session, from: 1 });
    const told: unknown[] = [];
    subscription.on('discarded', (discarded) => told.push(discarded));
    subscription.on('ended', (end) => told.push(end));
    const messages = subscription[Symbol.asyncIterator]();
    expect((await messages.next()).value?.seq).toBe(1);
    await upstream.client.discard({ session, reason: 'wrong prices' });
    expect(await lineOf(relay, session, isDiscarded)).toMatchObject({
      reason: 'enough',
      discardReason: 'wrong prices',
    });
    let read = 1;
    for (let message = await messages.next(); !message.done; message = await messages.next()) read += 1;
    expect(read).toBe(300);
    expect(told).toMatchObject([
      { session, reason: 'wrong prices' },
      { session, lastSeq: 300, reason: 'enough', discarded: true, discardReason: 'wrong prices' },
    ]);
  });

  it('by rolling it tells of that with its end, through a relay of the relay as well', async () => {
    const upstream = await startServer(undefined, { data: await storedSessions({ S1: ['a', 'b'] }) });
    const relay = await startServer(upstream.port);
    const second = await startServer(relay.port);
    await second.texts(2);
    const followers = [upstream, relay, second].map(({ client }) =>
      client.subscribe({ session: 'S1', from: 2, follow: true }),
    );
    const { opened } = await upstream.client.roll({ reason: 'wrong prices', discard: true });
    await upstream.client.publish(Buffer.from('c'));
    for (const follower of followers) {
      expect(await toldUpTo(follower, opened.session)).toEqual([
        'S1 2',
        'S1 ended at 2, wrong prices, discarded: wrong prices',
      ]);
    }
  });

  it('after its end tells the relay of a relay, too', async () => {
    const upstream = await startServer();
    const relay = await startServer(upstream.port);
    const second = await startServer(relay.port);
    const { session } = (await upstream.client.roll({ reason: 'enough' })).ended!;
    await lineOf(second, session, hasEnded);
    await upstream.client.discard({ session, reason: 'wrong prices' });
    expect(await lineOf(second, session, isDiscarded)).toMatchObject({
      reason: 'enough',
      discardReason: 'wrong prices',
    });
  });

  it('while the relay was away has it end here as discarded', async () => {
    const first = await startServer(undefined, { data: await storedSessions({ S1: ['a'] }) });
    const relay = await startServer(first.port);
    await relay.texts(1);
    await relay.stop();
    await first.client.publish(Buffer.from('b'));
    const { opened } = await first.client.roll({ reason: 'enough' });
    await first.client.publish(Buffer.from('c'));
    await first.client.discard({ session: 'S1', reason: 'wrong prices' });
    const again = await startServer(first.port, { data: relay.data });
    const follower = again.client.subscribe({ session: 'S1', from: 2, wait: true, follow: true });
    expect(await toldUpTo(follower, opened.session)).toEqual([
      'S1 2',
      'S1 ended at 2, enough, discarded: wrong prices',
    ]);
  });

  it('that has ended here, while both were away, is understood, also if it was removed there since', async () => {
    const first = await startServer(undefined, { data: await storedSessions({ S1: ['a'] }) });
    const relay = await startServer(first.port);
    await relay.texts(1);
    await first.client.roll({ reason: 'enough' });
    await lineOf(relay, 'S1', hasEnded);
    await relay.stop();
    await first.stop();
    await withStore(first.data, async (store) => {
      const log = store.log(store.findSession('main', 'S1')!.log)!;
      await store.keeping.discard(log, 'wrong prices');
      await store.keeping.remove(log);
    });
    const upstream = await startServer(undefined, { data: first.data });
    const again = await startServer(upstream.port, { data: relay.data });
    expect(await lineOf(again, 'S1', isDiscarded)).toMatchObject({ lastSeq: 1, discardReason: 'wrong prices' });
  });

  it.each([
    ['is another one is not concerned', ['another'], false],
    ['has the same contents is meant', ['a'], true],
  ])('of the same name that %s', async (_, contents, isMeant) => {
    const first = await startServer(undefined, { data: await storedSessions({ S1: ['a'] }) });
    const relay = await startServer(first.port);
    await relay.texts(1);
    await first.stop();
    await withStore(first.data, (store) =>
      store.rollSession(store.activeSession('main')!, { session: 'S2', reason: 'enough' }),
    );
    await startServer(undefined, { data: first.data, port: first.port });
    await lineOf(relay, 'S1', ({ digest }) => digest !== undefined);
    await relay.stop();
    // Another server's sessions of the same names.
    const upstream = await startServer(undefined, { data: await storedSessions({ S1: contents, S2: ['b'], S3: [] }) });
    await lineOf(upstream, 'S1', ({ digest }) => digest !== undefined);
    for (const session of ['S1', 'S2']) await upstream.client.discard({ session, reason: 'wrong prices' });
    const again = await startServer(upstream.port, { data: relay.data });
    // The catalogue is looked at before anything is read.
    await again.input('up', ({ position }) => position.includes('S3'));
    const lines = await again.client.sessions();
    expect(lines.map(({ session, discardReason }) => [session, discardReason])).toEqual([
      ['S1', isMeant ? 'wrong prices' : undefined],
      ['S2', undefined],
      ['S3', undefined],
    ]);
  });
});

describe('the discards of a relay', () => {
  const marked: string[] = [];
  const catalogue = (...sessions: Partial<SessionSummary>[]) =>
    ({ sessions: async () => sessions }) as unknown as Client;

  /** @param fails the session that cannot be marked */
  function relaying(client: Client, fails: () => string) {
    const log = new LogLines();
    const { signal } = new AbortController();
    const discard = async ({ session }: { session: string }) => {
      if (session === fails()) throw new Error('the disk is full');
      marked.push(session);
    };
    const context = { name: 'up', logger: log.logger, discard } as unknown as InputContext;
    const discards = new RelayedDiscards(client, () => 'main', context);
    return { look: () => discards.look(signal), log };
  }

  it('are tried again, one that fails without the others', async () => {
    const discarded = (session: string) => ({ session, epoch: 'e', discarded: true, discardReason: 'wrong prices' });
    let fails = 'S1';
    const client = catalogue(discarded('S1'), { session: 'S2', epoch: 'e' }, discarded('S3'));
    const { look, log } = relaying(client, () => fails);
    await look();
    await look();
    expect(marked.splice(0)).toEqual(['S3', 'S3']);
    expect(log.all.length).toBe(1);
    fails = '';
    await look();
    expect(marked).toEqual(['S1', 'S3']);
  });
});
