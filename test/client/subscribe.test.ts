import { describe, expect, it } from 'vitest';
import type { Message, Subscription } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { textBlock } from '../support/frames.js';
import { startPair, take, thrownBy } from './setup.js';

const seqsAndTexts = (messages: Message<Uint8Array>[]): [number, string][] =>
  messages.map(({ seq, payload }) => [seq, Buffer.from(payload).toString()]);

/** Names of the events and messages a consumer sees, in the order in which it sees them. */
async function story(subscription: Subscription<Uint8Array>): Promise<string[]> {
  const seen: string[] = [];
  subscription.on('subscribed', ({ from, lastSeq }) => seen.push(`subscribed ${from}..${lastSeq}`));
  subscription.on('rewinding', ({ from, lastSeq }) => seen.push(`rewinding ${from}..${lastSeq}`));
  subscription.on('live', ({ seq }) => seen.push(`live ${seq}`));
  subscription.on('lost', ({ from, to, reason }) => seen.push(`lost ${from}..${to} ${reason}`));
  subscription.on('ended', ({ lastSeq, reason }) => seen.push(`ended ${lastSeq} ${reason}`));
  for await (const { seq } of subscription) seen.push(`${seq}`);
  seen.push('done');
  return seen;
}

describe('a subscription', () => {
  it('hands out the messages of blocks one by one', async () => {
    const { connection, client } = await startPair();
    const subscription = client.subscribe({ session: 'S1', from: 3 });
    expect(subscription.position).toBeUndefined();
    expect(await connection.subscribed({ lastSeq: 5 })).toMatchObject({ session: 'S1', from: 3 });
    connection.messages(3, ['c', 'd']);
    connection.messages(5, ['e']);
    const iterator = subscription[Symbol.asyncIterator]();
    const messages = await take(iterator, 2);
    expect(seqsAndTexts(messages)).toEqual([
      [3, 'c'],
      [4, 'd'],
    ]);
    expect(messages[0]).toMatchObject({ session: 'S1', timeMs: 1_700_000_000_000 });
    expect(subscription.position).toEqual({ session: 'S1', epoch: 'e1', from: 5 });
    expect(seqsAndTexts(await take(iterator, 1))).toEqual([[5, 'e']]);
    expect(subscription.position).toEqual({ session: 'S1', epoch: 'e1', from: 6 });
  });

  it('asks for what it was told and nothing else', async () => {
    const { connection, client } = await startPair();
    client.subscribe();
    expect(Object.keys(await connection.take('SUBSCRIBE')).sort()).toEqual(['request', 'type']);
    client.subscribe({ source: 'x', session: 'S', from: 0, epoch: 'e', wait: true });
    expect(await connection.take('SUBSCRIBE')).toMatchObject({
      source: 'x',
      session: 'S',
      from: 0,
      epoch: 'e',
      wait: true,
    });
  });

  it('puts frames together that arrive in pieces', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    const next = iterator.next();
    for (const byte of textBlock(1, ['drip'])) connection.socket.write(Buffer.from([byte]));
    expect((await within(next, 'the message')).value).toMatchObject({ seq: 1, payload: Buffer.from('drip') });
  });

  it('tells of rewinding, live, lost and ended in order with the messages, and ends', async () => {
    const { connection, client } = await startPair();
    const seen = story(client.subscribe({ from: 1 }));
    await connection.subscribed({ lastSeq: 5 });
    connection.send({ type: 'LOST', log: 1, from: 1, to: 2, reason: 'retention' });
    connection.messages(3, ['c', 'd']);
    connection.send({ type: 'LOST', log: 1, from: 5, to: 5, reason: 'corrupt' });
    connection.send({ type: 'LIVE', log: 1, seq: 5 });
    connection.messages(6, ['f']);
    connection.send({ type: 'END_OF_SESSION', log: 1, session: 'S1', lastSeq: 6, reason: 'night' });
    expect(await within(seen, 'the end')).toEqual([
      'subscribed 1..5',
      'rewinding 1..5',
      'lost 1..2 retention',
      '3',
      '4',
      'lost 5..5 corrupt',
      'live 5',
      '6',
      'ended 6 night',
      'done',
    ]);
  });

  it('is live at 0 when nothing was published yet', async () => {
    const { connection, client } = await startPair();
    const seen = story(client.subscribe());
    await connection.subscribed({ from: 1, lastSeq: 0 });
    connection.send({ type: 'LIVE', log: 1, seq: 0 });
    connection.send({ type: 'END_OF_SESSION', log: 1, session: 'S1', lastSeq: 0, reason: 'night' });
    expect(await within(seen, 'the end')).toEqual(['subscribed 1..0', 'live 0', 'ended 0 night', 'done']);
  });

  it('hands out blocks when asked for blocks', async () => {
    const { connection, client } = await startPair();
    const blocks = client.subscribe({ from: 1 }).blocks();
    await connection.subscribed();
    connection.messages(1, ['a', 'b', 'c']);
    connection.messages(4, ['d']);
    const [first, second] = await take(blocks, 2);
    expect(first).toMatchObject({ session: 'S1', nextSeq: 1, lastSeq: 3, remaining: 3 });
    expect(seqsAndTexts([...first!])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    expect(seqsAndTexts([...second!])).toEqual([[4, 'd']]);
  });

  it('serves several subscriptions on one connection, each its own log', async () => {
    const { connection, client } = await startPair();
    const first = client.subscribe({ session: 'S1', from: 1 })[Symbol.asyncIterator]();
    const second = client.subscribe({ session: 'S2', from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed({ log: 1 });
    await connection.subscribed({ log: 2, session: 'S2' });
    connection.messages(1, ['two'], 2);
    connection.messages(1, ['one'], 1);
    expect((await take(first, 1))[0]).toMatchObject({ session: 'S1', payload: Buffer.from('one') });
    expect((await take(second, 1))[0]).toMatchObject({ session: 'S2', payload: Buffer.from('two') });
  });

  it('fails with ERR_GAP when the server leaves something out or repeats it', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a']);
    connection.messages(3, ['c']);
    await take(iterator, 1);
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_GAP', facts: { expected: 2, found: 3 } });
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    await connection.take('UNSUBSCRIBE');
    connection.messages(4, ['d']);
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });

    const again = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    connection.messages(2, ['b']);
    await take(again, 2);
    expect(await thrownBy(again)).toMatchObject({ code: 'ERR_GAP', facts: { expected: 3, found: 2 } });
  });

  it('fails with ERR_GAP when the session ends before its last message', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.send({ type: 'END_OF_SESSION', log: 1, session: 'S1', lastSeq: 3, reason: 'night' });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_GAP' });
  });

  it('ends well when it waited for a message that the session never reached', async () => {
    const { connection, client } = await startPair();
    const seen = story(client.subscribe({ from: 9, wait: true }));
    await connection.subscribed();
    connection.send({ type: 'END_OF_SESSION', log: 1, session: 'S1', lastSeq: 3, reason: 'night' });
    expect(await within(seen, 'the end')).toEqual(['subscribed 9..0', 'ended 3 night', 'done']);
  });

  it('fails with the code of a rejection', async () => {
    const { connection, client } = await startPair();
    for (const code of ['ERR_UNKNOWN_SESSION', 'ERR_BEYOND_NEXT'] as const) {
      const iterator = client.subscribe({ from: 9 })[Symbol.asyncIterator]();
      const { request } = await connection.take('SUBSCRIBE');
      const remedy = code === 'ERR_BEYOND_NEXT' ? 'retry' : 'never';
      connection.send({ type: 'REJECTED', request, code, message: 'no', remedy });
      expect(await thrownBy(iterator)).toMatchObject({ code, message: 'no' });
    }
  });

  it('asks again after a rejection that says retry, and goes on where it stands when the server could not', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    const first = await connection.take('SUBSCRIBE');
    connection.send({ type: 'REJECTED', request: first.request, code: 'ERR_BUSY', message: 'busy', remedy: 'retry' });
    await connection.subscribed();
    connection.messages(1, ['a']);
    await take(iterator, 1);
    connection.send({ type: 'UNSUBSCRIBED', log: 1, code: 'ERR_REWIND_FAILED', message: 'oh', remedy: 'retry' });
    expect(await connection.subscribed({ lastSeq: 2 })).toMatchObject({ session: 'S1', epoch: 'e1', from: 2 });
    connection.messages(2, ['b']);
    expect(seqsAndTexts(await take(iterator, 1))).toEqual([[2, 'b']]);
  });

  it('fails when the server ends it for good', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.send({ type: 'UNSUBSCRIBED', log: 1, code: 'ERR_UNKNOWN_SESSION', message: 'gone', remedy: 'never' });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_UNKNOWN_SESSION', message: 'gone' });
  });

  it('fails with ERR_GAP when it is accepted from another number than it asked for', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 4 })[Symbol.asyncIterator]();
    await connection.subscribed({ from: 5 });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_GAP', facts: { expected: 4, found: 5 } });
  });

  it('ends with ERR_RESET and its facts when the epoch is another', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ session: 'S1', from: 4, epoch: 'old' })[Symbol.asyncIterator]();
    const { request } = await connection.take('SUBSCRIBE');
    const facts = { source: 'main', session: 'S1', epoch: 'new', firstSeq: 1, lastSeq: 2 };
    connection.send({ type: 'RESET', request, ...facts });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_RESET', facts });
  });
});

describe('ending a subscription', () => {
  it('unsubscribes when the loop is left', async () => {
    const { connection, client } = await startPair();
    const subscription = client.subscribe({ from: 1 });
    const loop = (async () => {
      for await (const { seq } of subscription) if (seq === 2) return;
    })();
    await connection.subscribed();
    connection.messages(1, ['a', 'b', 'c']);
    await within(loop, 'the loop');
    expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 1 });
    connection.messages(4, ['d']);
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });
    expect(await subscription[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true });
  });

  it('unsubscribes when it is closed before the server has answered', async () => {
    const { connection, client } = await startPair();
    client.subscribe({ from: 1 }).close();
    await connection.subscribed();
    await connection.take('UNSUBSCRIBE');
  });

  it('throws ERR_ABORTED when its signal is aborted, also while it waits', async () => {
    const { connection, client } = await startPair();
    const abort = new AbortController();
    const iterator = client.subscribe({ from: 1, signal: abort.signal })[Symbol.asyncIterator]();
    await connection.subscribed();
    const thrown = thrownBy(iterator);
    abort.abort(new Error('enough'));
    expect(await thrown).toMatchObject({ code: 'ERR_ABORTED', cause: new Error('enough') });
    await connection.take('UNSUBSCRIBE');
    expect(await thrownBy(client.subscribe({ signal: abort.signal })[Symbol.asyncIterator]())).toMatchObject({
      code: 'ERR_ABORTED',
    });
    expect(connection.pending).toEqual([]);
  });

  it('is done when the client is closed, after what was buffered', async () => {
    const { connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    await take(iterator, 1);
    await client.close();
    await take(iterator, 1);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  it('throws when the client fails, after what was buffered', async () => {
    const { connection, client } = await startPair({ reconnect: false });
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a', 'b']);
    await take(iterator, 1);
    connection.socket.end();
    expect(seqsAndTexts(await take(iterator, 1))).toEqual([[2, 'b']]);
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_DISCONNECTED' });
  });
});

describe('a subscription over a reconnect', () => {
  it('goes on at its next number, in the session and epoch it was in', async () => {
    const { server, connection, client } = await startPair();
    const iterator = client.subscribe()[Symbol.asyncIterator]();
    await connection.subscribed({ from: 7, lastSeq: 6 });
    connection.messages(7, ['g', 'h']);
    await take(iterator, 1);
    connection.drop();
    const next = await server.accept();
    await next.login();
    expect(await next.subscribed({ log: 5, lastSeq: 9 })).toMatchObject({ session: 'S1', epoch: 'e1', from: 9 });
    next.messages(9, ['i'], 5);
    expect(seqsAndTexts(await take(iterator, 2))).toEqual([
      [8, 'h'],
      [9, 'i'],
    ]);
  });

  it('asks for what it was told to when the server had not answered', async () => {
    const { server, connection, client } = await startPair();
    client.subscribe({ from: 0, wait: true });
    const asked = await connection.take('SUBSCRIBE');
    connection.drop();
    const next = await server.accept();
    await next.login();
    expect({ ...(await next.take('SUBSCRIBE')), request: 0 }).toEqual({ ...asked, request: 0 });
  });

  it('does not count a block that was cut off', async () => {
    const { server, connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.socket.end(textBlock(1, ['a', 'b']).subarray(0, 42));
    const next = await server.accept();
    await next.login();
    expect(await next.subscribed()).toMatchObject({ from: 1 });
    next.messages(1, ['a', 'b']);
    expect(seqsAndTexts(await take(iterator, 2))).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });

  it('ends with ERR_RESET when the server has come back with another epoch', async () => {
    const { server, connection, client } = await startPair();
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    connection.messages(1, ['a']);
    await take(iterator, 1);
    connection.drop();
    const next = await server.accept();
    await next.login();
    const { request } = await next.take('SUBSCRIBE');
    next.send({ type: 'RESET', request, source: 'main', session: 'S1', epoch: 'e2', firstSeq: 1, lastSeq: 0 });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_RESET', facts: { epoch: 'e2' } });
  });

  it('does not ask again for what was closed meanwhile', async () => {
    const { server, connection, client } = await startPair();
    const subscription = client.subscribe({ from: 1 });
    await connection.subscribed();
    connection.drop();
    subscription.close();
    const next = await server.accept();
    await next.login();
    void client.inspect();
    await next.take('INSPECT');
    expect(next.pending).toEqual([]);
  });
});
