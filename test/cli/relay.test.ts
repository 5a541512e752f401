import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { archiveSession, restoreSession } from '../../storage/archive/index.js';
import { ServerWithInputs } from '../actors/inputs/server.js';
import { eventually } from '../support/deadline.js';
import { append, appendSessions, relayOf, startServer, stoppedPair, storedSessions, withStore } from './relays.js';

describe('a relay', () => {
  it('has the session of the other server under its name, and each message under its number', async () => {
    const upstream = await startServer();
    await upstream.client.publish([Buffer.from('one'), Buffer.from('two')]);
    const relay = await startServer(upstream.port);
    expect(await relay.texts(2)).toEqual(['one', 'two']);
    const { session, firstSeq } = await upstream.client.publish(Buffer.from('three'));
    expect(await relay.texts(firstSeq)).toEqual(['one', 'two', 'three']);
    expect((await relay.client.sessions()).map((line) => line.session)).toEqual([session]);
  });

  it('has a session that is still empty, and live subscribers of it get its first message', async () => {
    const upstream = await startServer();
    const relay = await startServer(upstream.port);
    const subscription = relay.client.subscribe({ from: 1 });
    const live = new Promise<number>((resolve) => void subscription.on('live', ({ seq }) => resolve(seq)));
    const first = subscription[Symbol.asyncIterator]().next();
    expect(await live).toBe(0);
    await upstream.client.publish(Buffer.from('one'));
    expect((await first).value).toMatchObject({ seq: 1 });
  });

  it('relays much at once, in whole blocks, and large messages', async () => {
    const upstream = await startServer();
    const sent = Array.from({ length: 20_000 }, (_, index) => Buffer.from(`message ${index + 1}`));
    for (let from = 0; from < sent.length; from += 1_000) await upstream.client.publish(sent.slice(from, from + 1_000));
    sent.push(Buffer.alloc(1_000_000, 'x'));
    await upstream.client.publish(sent[sent.length - 1]!);
    const relay = await startServer(upstream.port);
    expect(await relay.texts(sent.length)).toEqual(sent.map(String));
  });

  it('goes on where it was, over restarts of both', async () => {
    const first = await startServer();
    await first.client.publish(Buffer.from('one'));
    const relay = await startServer(first.port);
    await relay.texts(1);
    await first.client.publish(Buffer.from('two'));
    await relay.texts(2);
    await relay.stop();
    await first.client.publish(Buffer.from('three'));
    await first.stop();
    const upstream = await startServer(undefined, { data: first.data });
    const again = await startServer(upstream.port, { data: relay.data });
    expect(await again.texts(3)).toEqual(['one', 'two', 'three']);
    await upstream.client.publish(Buffer.from('four'));
    expect(await again.texts(4)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('takes nothing from anybody else', async () => {
    const upstream = await startServer();
    await upstream.client.publish(Buffer.from('one'));
    const relay = await startServer(upstream.port);
    await relay.texts(1);
    await expect(relay.client.publish(Buffer.from('own'))).rejects.toMatchObject({ code: 'ERR_RELAYED' });
  });

  it('ends a session where the other server does, and goes on with every one after it', async () => {
    const { data, relayed } = await stoppedPair(['a', 'b']);
    await withStore(data, async (store) => {
      await appendSessions(store, { S2: ['c'], S3: ['d', 'e'] }, (session) => ({
        reason: session === 'S2' ? 'rolled' : 'a short day',
      }));
      // One that was restored has a later number, and its old place.
      const second = store.log(store.findSession('main', 'S2')!.log)!;
      const archive = join(data, 'archive');
      await archiveSession(store, second, archive);
      await store.keeping.remove(second);
      await restoreSession(store, archive);
    });
    const next = await startServer(undefined, { data });
    const again = await startServer(next.port, { data: relayed });
    const lines = await eventually(async () => {
      const sessions = await again.client.sessions();
      return sessions[2]?.lastSeq === 2 ? sessions : undefined;
    }, 'the third session');
    expect(lines.map(({ session, state, lastSeq, reason }) => [session, state, lastSeq, reason])).toEqual([
      ['S1', 'ended', 2, 'rolled'],
      ['S2', 'ended', 1, 'a short day'],
      ['S3', 'active', 2, undefined],
    ]);
    expect(await again.texts(2, { session: 'S3' })).toEqual(['d', 'e']);
  });

  it('announces as lost what the other server has lost, and keeps the numbers', async () => {
    const data = await storedSessions({ S1: [3, 'four', 'five', 2, 'eight'] });
    const upstream = await startServer(undefined, { data });
    const relay = await startServer(upstream.port);
    const lost: [number, number, string][] = [];
    const read = async (from: number, to: number) => {
      const seen: string[] = [];
      const subscription = relay.client.subscribe({ from, wait: true });
      subscription.on('lost', ({ from, to, reason }) => void lost.push([from, to, reason]));
      for await (const { seq, payload } of subscription) {
        seen.push(`${seq} ${Buffer.from(payload)}`);
        if (seq === to) break;
      }
      return seen;
    };
    await relay.texts(8);
    expect(await read(1, 8)).toEqual(['4 four', '5 five', '8 eight']);
    expect(lost).toEqual([
      [1, 3, 'retention'],
      [6, 7, 'missing'],
    ]);
    await upstream.client.publish(Buffer.from('nine'));
    expect(await read(9, 9)).toEqual(['9 nine']);
  });

  it.each(['pull', 'reject'] as const)(
    'tells those who follow of sessions that were removed while it was away, where closed sessions are for: %s',
    async (closedSessions) => {
      const { data, relayed } = await stoppedPair(['a', 'b']);
      await withStore(data, async (store) => {
        await append(store, ['c', 'd']);
        await appendSessions(store, { S2: ['e', 'f', 'g'], S3: [], S4: ['h'], S5: ['i'] }, (session) => ({
          reason: `then ${session}`,
          ...(session === 'S5' && { discardReason: 'wrong prices' }),
        }));
        for (const name of ['S1', 'S2', 'S3'])
          await store.keeping.remove(store.log(store.findSession('main', name)!.log)!);
      });
      const next = await startServer(undefined, { data, closedSessions });
      const again = await startServer(next.port, { data: relayed });
      const got: string[] = [];
      const told: string[] = [];
      const subscription = again.client.subscribe({ session: 'S1', from: 2, follow: true });
      subscription.on('lost', ({ session, from, to }) => told.push(`${session}: lost ${from}..${to}`));
      subscription.on('ended', ({ session, lastSeq, reason, discardReason = '' }) =>
        told.push(`${session}: ended ${lastSeq}, ${reason}${discardReason && `, discarded: ${discardReason}`}`),
      );
      for await (const { session, seq, payload } of subscription) {
        got.push(`${session}: ${seq} ${Buffer.from(payload)}`);
        if (session === 'S5') break;
      }
      expect(got).toEqual(['S1: 2 b', 'S4: 1 h', 'S5: 1 i']);
      expect(told).toEqual([
        'S1: lost 3..4',
        'S1: ended 4, then S2',
        'S2: lost 1..3',
        'S2: ended 3, then S3',
        'S3: ended 0, then S4',
        'S4: ended 1, then S5, discarded: wrong prices',
      ]);
    },
  );

  it('ends a session that was reset when another one begins, instead of mixing up two', async () => {
    const first = await startServer();
    await first.client.publish(Buffer.from('one'));
    const relay = await startServer(first.port);
    const texts = await relay.texts(1);
    await relay.stop();
    await first.stop();
    const [{ session }] = (await withStore(relay.data, async (store) => store.sessions())) as unknown as [
      { session: string },
    ];
    // Another server's session of the same name.
    const upstream = await startServer(undefined, { data: await storedSessions({ [session]: ['another', 'one'] }) });
    const again = await startServer(upstream.port, { data: relay.data });
    await upstream.client.roll({ reason: 'go on' });
    const [line] = await eventually(async () => {
      const sessions = await again.client.sessions();
      return sessions[0]?.state === 'ended' ? sessions : undefined;
    }, 'the end of the session');
    expect(line).toMatchObject({
      lastSeq: 1,
      reason: expect.stringContaining('gone at the server it is relayed from'),
    });
    expect(texts).toEqual(['one']);
  });

  it('goes on with the oldest session of a server that does not know its own any more', async () => {
    const first = await startServer(undefined, { data: await storedSessions({ S1: ['a'] }) });
    const relay = await startServer(first.port);
    await relay.texts(1);
    await relay.stop();
    const upstream = await startServer(undefined, { data: await storedSessions({ S7: ['x', 'y'] }) });
    await upstream.client.roll({ reason: 'night' });
    const again = await startServer(upstream.port, { data: relay.data });
    const got: string[] = [];
    for await (const { session, payload } of again.client.subscribe({ session: 'S1', from: 1, follow: true })) {
      if (got.push(`${session} ${Buffer.from(payload)}`) === 3) break;
    }
    expect(got).toEqual(['S1 a', 'S7 x', 'S7 y']);
    expect((await again.client.sessions())[0]!.reason).toMatch(/^gone at the server it is relayed from: /);
  });

  it('waits for a server that is away, and for its first message; others are served meanwhile', async () => {
    const gone = await startServer();
    const { port, data } = gone;
    await gone.client.publish(Buffer.from('one'));
    await gone.stop();
    const relay = await ServerWithInputs.start([relayOf(port, { source: 'relayed' })], {
      sources: ['main', 'relayed'],
    });
    await relay.client.publish(Buffer.from('own'));
    const relayed = relay.texts(1, { source: 'relayed' });
    const upstream = await startServer(undefined, { data, port });
    onTestFinished(() => upstream.stop());
    expect(await relayed).toEqual(['one']);
    expect(await relay.texts(1)).toEqual(['own']);
  });
});
