import { beforeEach, describe, expect, it } from 'vitest';
import { type ClientMessage, encodeMessage, limits } from '../../protocol/index.js';
import {
  type Bystanders,
  framed,
  type HostileServer,
  loginRaw,
  type RawClient,
  startBystanders,
  startHostileServer,
} from './support.js';

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

/** The connection is as good as before: what is asked is answered. */
async function stillServed(client: RawClient): Promise<void> {
  client.send({ type: 'SESSIONS', request: 999 });
  expect((await client.take('SESSION_LIST')).sessions).toHaveLength(1);
}

/** The fields of a request with deep nesting in one that is not known. */
function nested(depth: number): Buffer {
  return Buffer.concat([Buffer.from('82a77265717565737401a178', 'hex'), Buffer.alloc(depth, 0x91), Buffer.from([1])]);
}

/** The fields of a request with many values in one that is not known. */
function crowded(values: number): Buffer {
  const header = Buffer.from('82a77265717565737401a178dd00000000', 'hex');
  header.writeUInt32BE(values, header.length - 4);
  return Buffer.concat([header, Buffer.alloc(values, 0xc0)]);
}

describe('a message that ends the connection', () => {
  const as = (type: number, fields: string | Buffer): Buffer =>
    framed(Buffer.concat([Buffer.from([0x92, type]), Buffer.from(fields as string, 'hex')]));

  it.each([
    ['a second LOGIN', encodeMessage({ type: 'LOGIN', versions: [1] }), 'ERR_ALREADY_LOGGED_IN'],
    ['an unknown type', as(31, '80'), 'ERR_UNKNOWN_TYPE'],
    ['a type beyond the range', as(127, '80'), 'ERR_UNKNOWN_TYPE'],
    ['a frame that only a server sends', encodeMessage({ type: 'LIVE', log: 1, seq: 1 }), 'ERR_UNKNOWN_TYPE'],
    ['MESSAGES from a client', framed(Buffer.from('9622ce00000001', 'hex')), 'ERR_UNKNOWN_TYPE'],
    ['a SUBSCRIBE without a request', as(2, '80'), 'ERR_BAD_MESSAGE'],
    ['a request that is text', as(7, '81a772657175657374a131'), 'ERR_BAD_MESSAGE'],
    ['a request below 0', as(7, '81a772657175657374ff'), 'ERR_BAD_MESSAGE'],
    ['a request that is a fraction', as(7, '81a772657175657374cb3ff8000000000000'), 'ERR_BAD_MESSAGE'],
    ['a request that is not a number', as(7, '81a772657175657374cb7ff8000000000000'), 'ERR_BAD_MESSAGE'],
    ['a request beyond 2^53', as(7, '81a772657175657374cf0020000000000000'), 'ERR_BAD_MESSAGE'],
    ['fields that are an array', as(7, '9101'), 'ERR_BAD_MESSAGE'],
    ['no fields', framed(Buffer.from('9107', 'hex')), 'ERR_BAD_MESSAGE'],
    ['fields twice', framed(Buffer.from('93078080', 'hex')), 'ERR_BAD_MESSAGE'],
    ['bytes behind the value', as(6, '8080'), 'ERR_BAD_MESSAGE'],
    ['keys that are not text', as(6, '810101'), 'ERR_BAD_MESSAGE'],
    ['text that is not UTF-8', as(7, '82a77265717565737401a6736f75726365a2c328'), 'ERR_BAD_MESSAGE'],
    ['an extension type', as(7, '81a772657175657374d40000'), 'ERR_BAD_MESSAGE'],
    ['the byte that means nothing', as(7, '81a772657175657374c1'), 'ERR_BAD_MESSAGE'],
    ['nesting a level too deep', as(7, nested(limits.depthMax - 1)), 'ERR_BAD_MESSAGE'],
    ['nesting of a million levels', as(7, nested(1_000_000)), 'ERR_BAD_MESSAGE'],
    ['too many values', as(7, crowded(limits.controlValuesMax)), 'ERR_BAD_MESSAGE'],
    ['length 0', Buffer.alloc(4), 'ERR_BAD_FRAME'],
    ['length 2^32-1', Buffer.alloc(4, 0xff), 'ERR_FRAME_TOO_LARGE'],
    ['a frame one byte over the limit', Buffer.from([0, 0x10, 0, 1]), 'ERR_FRAME_TOO_LARGE'],
    ['an HTTP request after the login', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'ERR_FRAME_TOO_LARGE'],
  ])('is %s', async (_, frame, code) => {
    const client = await loginRaw(server);
    client.write(frame);
    expect(await client.errorThenClose()).toBe(code);
    expect(await server.log.withCode(code)).toMatchObject({ level: 40 });
    await untouched();
  });

  it('only when it is wrong: what is unknown inside a message, up to the limits, is ignored', async () => {
    const client = await loginRaw(server);
    client.write(as(7, nested(limits.depthMax - 2)));
    await client.take('SESSION_LIST');
    client.write(as(7, crowded(limits.controlValuesMax - 10)));
    await client.take('SESSION_LIST');
    client.write(as(7, '83a77265717565737401a95f5f70726f746f5f5f81a172a16ba46a756e6bc0'));
    await client.take('SESSION_LIST');
    await untouched();
  });
});

describe('a request that is rejected', () => {
  const requests: [what: string, message: ClientMessage, code: string][] = [
    ['an unknown session', { type: 'SUBSCRIBE', request: 5, session: 'x' }, 'ERR_UNKNOWN_SESSION'],
    ['an unknown source', { type: 'SUBSCRIBE', request: 5, source: 'x' }, 'ERR_UNKNOWN_SOURCE'],
    ['a number far away', { type: 'SUBSCRIBE', request: 5, from: Number.MAX_SAFE_INTEGER }, 'ERR_BEYOND_NEXT'],
    ['sessions of an unknown source', { type: 'SESSIONS', request: 5, source: 'x' }, 'ERR_UNKNOWN_SOURCE'],
    [
      'a range of an unknown session',
      { type: 'REREQUEST', request: 5, session: 'x', from: 1, to: 1 },
      'ERR_UNKNOWN_SESSION',
    ],
    ['a range that starts at 0', { type: 'REREQUEST', request: 5, from: 0, to: 1 }, 'ERR_BAD_MESSAGE'],
    ['a range that ends before it starts', { type: 'REREQUEST', request: 5, from: 2, to: 1 }, 'ERR_BAD_MESSAGE'],
    [
      'a range under a number that no block has room for',
      { type: 'REREQUEST', request: 2 ** 32, from: 1, to: 1 },
      'ERR_BAD_MESSAGE',
    ],
    ['a range beyond the end', { type: 'REREQUEST', request: 5, from: 1, to: 2 ** 52 }, 'ERR_BEYOND_NEXT'],
    [
      'a range of one number that does not exist',
      { type: 'REREQUEST', request: 5, from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
      'ERR_BEYOND_NEXT',
    ],
  ];

  it.each(requests)('is one for %s; the connection goes on', async (_, message, code) => {
    const client = await loginRaw(server);
    client.send(message);
    expect(await client.take('REJECTED')).toMatchObject({ request: (message as { request: number }).request, code });
    expect(await server.log.withCode(code)).toMatchObject({ level: 40 });
    await stillServed(client);
    await untouched();
  });

  it('is a second subscription to the same session; the first one goes on without a break', async () => {
    const client = await loginRaw(server);
    client.send({ type: 'SUBSCRIBE', request: 1, from: 1 });
    client.send({ type: 'SUBSCRIBE', request: 2, from: 1 });
    expect(await client.take('SUBSCRIBED')).toMatchObject({ request: 1, from: 1 });
    expect(await client.take('REJECTED')).toMatchObject({
      request: 2,
      code: 'ERR_ALREADY_SUBSCRIBED',
      remedy: 'never',
    });
    await server.log.withCode('ERR_ALREADY_SUBSCRIBED');
    await bystanders.progress();
    let next = 1;
    while (next <= bystanders.publishes) {
      const { firstSeq, lastSeq } = await client.take('MESSAGES');
      expect(firstSeq).toBe(next);
      next = lastSeq + 1;
    }
    await untouched();
  });

  it('is not one for a number far away that the client will wait for, and it can be given up', async () => {
    const client = await loginRaw(server);
    const from = Number.MAX_SAFE_INTEGER;
    client.send({ type: 'SUBSCRIBE', request: Number.MAX_SAFE_INTEGER, from, wait: true });
    const { request, log, from: due } = await client.take('SUBSCRIBED');
    expect([request, due]).toEqual([Number.MAX_SAFE_INTEGER, from]);
    await bystanders.progress();
    client.send({ type: 'UNSUBSCRIBE', log });
    await client.take('UNSUBSCRIBED');
    expect(client.inbox.items).toEqual([]);
    await untouched();
  });

  it('is not an unsubscribe of nothing: it is answered like any other', async () => {
    const client = await loginRaw(server);
    for (const log of [0, 1, 77, Number.MAX_SAFE_INTEGER]) {
      client.send({ type: 'UNSUBSCRIBE', log });
      expect(await client.take('UNSUBSCRIBED')).toEqual({ type: 'UNSUBSCRIBED', log });
    }
    await stillServed(client);
    await untouched();
  });

  it('is logged as a warning the first times only, so that the log does not fill', async () => {
    const client = await loginRaw(server);
    for (let request = 0; request < 500; request += 1) client.send({ type: 'SUBSCRIBE', request, session: 'x' });
    for (let request = 0; request < 500; request += 1) {
      expect(await client.take('REJECTED')).toMatchObject({ request, code: 'ERR_UNKNOWN_SESSION' });
    }
    expect(server.log.all.filter(({ code }) => code === 'ERR_UNKNOWN_SESSION')).toHaveLength(20);
    await untouched();
  });
});
