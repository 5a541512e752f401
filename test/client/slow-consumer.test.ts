import { describe, expect, it } from 'vitest';
import { encodePayloads, sealBlock } from '../../protocol/index.js';
import { within } from '../support/deadline.js';
import type { FakeConnection } from '../support/fake-connection.js';
import { startPair, take } from './setup.js';

const messageBytes = 64 * 1024;
/** With their headers, four messages are just beyond it. */
const receiveBytesMax = 4 * messageBytes;
const bufferedMessages = 4;

function bigBlock(seq: number): Buffer {
  return sealBlock(1, seq, 0, [encodePayloads([Buffer.alloc(messageBytes, seq)])]);
}

/** Send messages until the client does not take them any more. @returns how many were written */
async function fill(connection: FakeConnection, firstSeq: number): Promise<number> {
  let seq = firstSeq;
  for (; seq < firstSeq + 2_000; seq += 1) {
    if (connection.socket.write(bigBlock(seq))) continue;
    if (connection.socket.writableLength > 32 * messageBytes) return seq + 1 - firstSeq;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the client takes everything');
}

describe('a slow consumer', () => {
  it('makes the client stop reading, sending heartbeats all the same, until it has caught up', async () => {
    const { connection, client } = await startPair({ receiveBytesMax }, { heartbeatMs: 10, silenceMs: 20 });
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    let broken = false;
    client.on('disconnected', () => {
      broken = true;
    });
    const sent = await fill(connection, 1);
    for (let heartbeats = 0; heartbeats < 5; heartbeats += 1) await connection.take('HEARTBEAT');
    expect(connection.socket.writableLength).toBeGreaterThan(0);
    expect(broken).toBe(false);
    const messages = await take(iterator, sent);
    expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  it('still gets its acknowledgements: the messages in their way are asked for again', async () => {
    const { connection, client } = await startPair({ receiveBytesMax });
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    const sent = await fill(connection, 1);
    const publishing = client.publish(Buffer.from('mine'));
    await connection.take('UNSUBSCRIBE');
    await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, sent + 1, 1]]);
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });
    expect(await within(publishing, 'the acknowledgement')).toMatchObject({ firstSeq: sent + 1 });
    await take(iterator, bufferedMessages);
    const { from, session, epoch, request } = await connection.take('SUBSCRIBE');
    expect({ from, session, epoch }).toEqual({ from: bufferedMessages + 1, session: 'S1', epoch: 'e1' });
    connection.send({
      type: 'SUBSCRIBED',
      request,
      log: 1,
      source: 'main',
      session: 'S1',
      epoch: 'e1',
      state: 'active',
      from: from!,
      lastSeq: sent,
    });
    connection.socket.write(bigBlock(from!));
    expect((await take(iterator, 1))[0]).toMatchObject({ seq: from });
  });

  it('does not lose an acknowledgement that is due while the buffer fills up', async () => {
    const { connection, client } = await startPair({ receiveBytesMax });
    const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    const publishing = client.publish(Buffer.from('mine'));
    await connection.take('PUBLISH');
    for (let seq = 1; seq <= 20; seq += 1) connection.socket.write(bigBlock(seq));
    connection.acknowledge(1, [[1, 1, 21, 1]]);
    expect(await within(publishing, 'the acknowledgement')).toMatchObject({ firstSeq: 21 });
    await connection.take('UNSUBSCRIBE');
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });
    await take(iterator, bufferedMessages);
    expect(await connection.take('SUBSCRIBE')).toMatchObject({ from: bufferedMessages + 1 });
  });

  it('does not hold up another one: it is resumed later, the other goes on', async () => {
    const { connection, client } = await startPair({ receiveBytesMax });
    client.subscribe({ session: 'S1', from: 1 });
    const fast = client.subscribe({ session: 'S2', from: 1 })[Symbol.asyncIterator]();
    await connection.subscribed();
    await connection.subscribed({ log: 2, session: 'S2' });
    await fill(connection, 1);
    const waiting = take(fast, 1);
    expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 1 });
    connection.messages(1, ['for the fast one'], 2);
    expect((await waiting)[0]).toMatchObject({ session: 'S2', seq: 1 });
    expect(connection.pending.filter(({ type }) => type === 'UNSUBSCRIBE')).toEqual([]);
  });

  it('does not hold up a rerequest', async () => {
    const { connection, client } = await startPair({ receiveBytesMax });
    client.subscribe({ session: 'S1', from: 1 });
    await connection.subscribed();
    await fill(connection, 1);
    const rerequest = client.rerequest({ session: 'S1', from: 1, to: 1 })[Symbol.asyncIterator]();
    const { request } = await connection.take('REREQUEST');
    const waiting = take(rerequest, 1);
    await connection.take('UNSUBSCRIBE');
    connection.retransmit(request, 1, ['again']);
    connection.send({ type: 'RETRANSMITTED', request, from: 1, to: 1, messages: 1 });
    expect((await waiting)[0]).toMatchObject({ seq: 1, payload: Buffer.from('again') });
  });

  it('can close the client while the socket is not read', async () => {
    const { connection, client } = await startPair({ receiveBytesMax });
    client.subscribe({ from: 1 });
    await connection.subscribed();
    await fill(connection, 1);
    await within(client.close(), 'close()');
    await within(connection.closed, 'the end of the connection');
  });
});
