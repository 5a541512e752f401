import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HttpFailure } from '../../../actors/inputs/http-failure.js';
import type { ServerConfig } from '../../../actors/server-config.js';
import { StorageError, Store } from '../../../storage/index.js';
import { eventually } from '../../support/deadline.js';
import { silent } from '../support.js';
import { directoryOfTest } from './reading.js';
import { ServerWithInputs } from './server.js';

const token = '0123456789abcdef';

async function start(more: object = {}, config: Partial<ServerConfig> = {}) {
  const data = config.data ?? (await directoryOfTest());
  await writeFile(path.join(data, 'token'), `${token}\n`);
  const server = await ServerWithInputs.start([{ kind: 'http', name: 'post', port: 0, tokenFile: 'token', ...more }], {
    ...config,
    data,
  });
  const { position: address } = await server.input('post', ({ position }) => position !== '');
  const post = async (body: string | Buffer, headers: Record<string, string> = {}, method = 'POST', at = '/') => {
    const request = {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(method === 'POST' && { body }),
    };
    const response = await fetch(`http://${address}${at}`, request);
    const answer = (await response.json()) as { code?: string; message?: string; ranges?: object[]; messages?: number };
    return { status: response.status, headers: response.headers, ...answer };
  };
  return { server, data, address, post };
}

const ndjson = { 'content-type': 'application/x-ndjson; charset=utf-8' };

describe('an http input', () => {
  it('takes a body as one message, or each of its lines, and answers with their numbers when they are durable', async () => {
    const { server, post } = await start();
    const [{ session }] = (await server.client.sessions()) as unknown as [{ session: string }];
    expect(await post('a\nb')).toMatchObject({
      status: 200,
      messages: 1,
      ranges: [{ session, firstSeq: 1, lastSeq: 1 }],
    });
    const answer = await post('{"c":1}\n\n {"d":2} \n"e"', ndjson);
    expect(answer).toMatchObject({ status: 200, messages: 3, ranges: [{ session, firstSeq: 2, lastSeq: 4 }] });
    expect(await server.texts(4)).toEqual(['a\nb', '{"c":1}', ' {"d":2} ', '"e"']);
  });

  it('writes what is posted twice with the same key once, over a restart of the server, and answers the same', async () => {
    const first = await start();
    const body = `${'"x"\n'.repeat(20_000)}"end"`;
    const headers = { ...ndjson, 'idempotency-key': 'order 1' };
    const { ranges } = await first.post(body, headers);
    expect(ranges).toMatchObject([{ firstSeq: 1, lastSeq: 20_001 }]);
    expect((await first.post(body, headers)).ranges).toEqual(ranges);
    await first.server.stop();
    const second = await start({}, { data: first.data });
    expect((await second.post(body, headers)).ranges).toEqual(ranges);
    expect((await second.post('other', { 'idempotency-key': 'order 2' })).ranges).toMatchObject([{ firstSeq: 20_002 }]);
  });

  it('refuses another body, or another type of it, under a key that was used, over a restart of the server', async () => {
    const first = await start();
    const key = { 'idempotency-key': 'order 1' };
    const { ranges } = await first.post('"x"', key);
    const refusal = { status: 422, code: 'ERR_IDEMPOTENCY_KEY' };
    expect(await first.post('"y"', key)).toMatchObject(refusal);
    expect(await first.post('"x"', { ...ndjson, ...key })).toMatchObject(refusal);
    await first.server.stop();
    const second = await start({}, { data: first.data });
    expect(await second.post('"y"', key)).toMatchObject(refusal);
    expect((await second.post('"x"', key)).ranges).toEqual(ranges);
    expect((await second.post('"y"')).ranges).toMatchObject([{ firstSeq: 2 }]);
  });

  it('takes as many messages at once as it can hold, and no more', async () => {
    const { server, post } = await start({ bodyBytesMax: 16 * 1024 * 1024 });
    expect(await post('1\n'.repeat(65_537), ndjson)).toMatchObject({ status: 413, code: 'ERR_TOO_MANY_MESSAGES' });
    const long = `"${'x'.repeat(1024 * 1024)}"`;
    expect(await post(`1\n${long}`, ndjson)).toMatchObject({ status: 413, code: 'ERR_PUBLISH_TOO_LARGE' });
    expect(await post('1\n'.repeat(65_536), ndjson)).toMatchObject({
      status: 200,
      ranges: [{ firstSeq: 1, lastSeq: 65_536 }],
    });
    expect(await server.client.sessions()).toMatchObject([{ lastSeq: 65_536 }]);
  });

  it('tells who has no token, or another one, nothing but that', async () => {
    const { post } = await start();
    for (const authorization of ['', 'Bearer', 'Bearer 0123456789abcdeX', `Basic ${token}`, `Bearer ${token}0`]) {
      const { status, code, headers } = await post('x', { authorization }, 'POST', '/elsewhere');
      expect([status, code, headers.get('www-authenticate')]).toEqual([401, 'ERR_NOT_AUTHORIZED', 'Bearer']);
    }
  });

  it('refuses what is no message, and says why', async () => {
    const { server, post } = await start({ bodyBytesMax: 100, path: '/orders' });
    const refused = async (...posted: Parameters<typeof post>) => {
      const { status, code } = await post(...posted);
      return [status, code];
    };
    expect(await refused('x', {}, 'POST', '/')).toEqual([404, 'ERR_NO_SUCH_PATH']);
    expect(await refused('x', {}, 'POST', '//')).toEqual([404, 'ERR_NO_SUCH_PATH']);
    for (const reason of ['', 'x'.repeat(513)]) {
      const headers = { 'latecomer-end-of-day': reason };
      expect(await refused('x', headers, 'POST', '/orders')).toEqual([400, 'ERR_END_OF_DAY']);
    }
    expect(await refused('', {}, 'GET', '/orders')).toEqual([405, 'ERR_METHOD']);
    expect(await refused('', {}, 'POST', '/orders')).toEqual([400, 'ERR_NO_MESSAGE']);
    expect(await refused('\n\n', ndjson, 'POST', '/orders')).toEqual([400, 'ERR_NO_MESSAGE']);
    expect(await refused('{}\n{', ndjson, 'POST', '/orders')).toEqual([400, 'ERR_NOT_JSON']);
    expect(await refused('x'.repeat(101), {}, 'POST', '/orders')).toEqual([413, 'ERR_BODY_TOO_LARGE']);
    expect(await refused('x', { 'content-encoding': 'gzip' }, 'POST', '/orders')).toEqual([
      415,
      'ERR_CONTENT_ENCODING',
    ]);
    const key = { 'idempotency-key': 'k'.repeat(257) };
    expect(await refused('x', key, 'POST', '/orders')).toEqual([400, 'ERR_IDEMPOTENCY_KEY']);
    expect(await refused('x'.repeat(100), {}, 'POST', '/orders?at=once')).toEqual([200, undefined]);
    expect(await server.texts(1)).toEqual(['x'.repeat(100)]);
  });

  it('refuses a body that grows beyond the limit without saying how long it is', async () => {
    const { address } = await start({ bodyBytesMax: 1_000 });
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let chunk = 0; chunk < 3; chunk += 1) socket.write(`190\r\n${'x'.repeat(400)}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('HTTP/1.1 413');
  });

  it('gives up a request that does not come to its end, and takes no more connections than it may', async () => {
    const { address, post } = await start({ requestMs: 200, connectionsMax: 2 });
    const [host, port] = address.split(':');
    const open = () => {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      return socket;
    };
    const slow = open();
    slow.write(`POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 10\r\n\r\nhalf`);
    const idle = open();
    await once(idle, 'connect');
    const third = open();
    await once(third, 'close');
    slow.resume();
    idle.resume();
    await Promise.all([once(slow, 'close'), once(idle, 'close')]);
    expect(await eventually(() => post('x').catch(() => undefined), 'a place')).toMatchObject({ status: 200 });
  });

  it('answers 503 while nothing can be published', async () => {
    const { post } = await start({}, { diskReserveBytes: Number.MAX_SAFE_INTEGER });
    const { status, code, headers } = await post('x', { 'idempotency-key': 'k' });
    expect([status, code, headers.get('retry-after')]).toEqual([503, 'ERR_DISK_FULL', '1']);
    expect(await post('x')).toMatchObject({ status: 503, code: 'ERR_DISK_FULL' });
  });

  it('rolls the session behind what was posted when it is told to', async () => {
    const { server, post } = await start();
    await post('last', { 'latecomer-end-of-day': 'market closed' });
    expect(await server.client.sessions()).toMatchObject([
      { state: 'ended', reason: 'market closed', lastSeq: 1 },
      { state: 'active', lastSeq: 0 },
    ]);
  });

  it('says that messages are written when only the end of day is not done, and does it when they are posted again', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 9, 12) });
    onTestFinished(() => void vi.useRealTimers());
    const data = await directoryOfTest();
    const store = await Store.open({ directory: data, durability: 'os', clock: Date.now, logger: silent });
    await store.createSession('main', '2030010999');
    await store.close();
    const { server, post } = await start({}, { data, timeZone: 'UTC' });
    const endOfDay = { 'latecomer-end-of-day': 'market closed' };
    const withKey = { ...endOfDay, 'idempotency-key': 'k' };
    const ranges = [{ session: '2030010999', firstSeq: 1, lastSeq: 1 }];
    const failed = { status: 409, code: 'ERR_DAY_NOT_ENDED', messages: 1, ranges };
    const first = await post('last', withKey);
    expect(first).toMatchObject(failed);
    expect(first.message).toMatch(
      /^written \(2030010999 1 to 1\), but the end of day is not done: .* 99 .*; post it again with the same Idempotency-Key/,
    );
    expect(first.headers.get('retry-after')).toBeNull();
    expect(await post('last', withKey)).toMatchObject(failed);
    const keyless = await post('very last', endOfDay);
    expect(keyless.message).toMatch(
      /^written \(2030010999 2 to 2\), .*; do not post it again, it would be written twice/,
    );
    vi.setSystemTime(Date.UTC(2030, 0, 10, 12));
    for (let time = 1; time <= 2; time += 1) expect(await post('last', withKey)).toMatchObject({ status: 200, ranges });
    expect(await server.client.sessions()).toMatchObject([
      { session: '2030010999', state: 'ended', reason: 'market closed', lastSeq: 2 },
      { session: '2030011001', state: 'active', lastSeq: 0 },
    ]);
  });

  it('says when nobody can tell whether the end of day is done', () => {
    const ranges = [
      { session: 'S1', firstSeq: 7, lastSeq: 8 },
      { session: 'S2', firstSeq: 1, lastSeq: 1 },
    ];
    const error = new StorageError('ERR_OUTCOME_UNKNOWN', 'the disk is gone');
    const { status, code, message } = HttpFailure.behind({ messages: 3, ranges }, error, false);
    expect([status, code]).toEqual([409, 'ERR_DAY_NOT_ENDED']);
    expect(message).toBe(
      'written (S1 7 to 8, S2 1 to 1), but the end of day may not be done: the disk is gone; do not post it again, it would be written twice: the session can be rolled',
    );
  });

  it('does not start with a token that could be guessed, nor without one', async () => {
    const data = await directoryOfTest();
    await writeFile(path.join(data, 'short'), 'guess me');
    const http = { kind: 'http', port: 0 };
    const inputs = [
      { ...http, name: 'short', tokenFile: 'short' },
      { ...http, name: 'none', tokenFile: 'none' },
    ];
    const server = await ServerWithInputs.start(inputs, { data });
    const failed = ({ state }: { state: string }) => state === 'failed';
    expect((await server.input('short', failed)).problem).toMatch(
      /expected a token of at least 16 printable characters/,
    );
    expect((await server.input('none', failed)).problem).toMatch(/cannot read the token/);
  });
});
