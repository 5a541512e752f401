import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect, LatecomerError } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { rejectionOf, startPair, startServer } from './setup.js';

describe('connect', () => {
  it('logs in with the names it was given and a random publisher', async () => {
    const server = await startServer();
    const connecting = connect({ port: server.port, source: 'prices', name: 'desk', durability: 'os' });
    const connection = await server.accept();
    const login = await connection.login({ source: 'prices' });
    const client = await connecting;
    expect(login).toMatchObject({ versions: [1], source: 'prices', client: 'desk', durability: 'os' });
    expect(login.publisher).toBe(client.publisher);
    expect(login.publisher).toMatch(/^[0-9a-f-]{36}$/);
    expect(client.server).toEqual({ server: 'fake/1', source: 'prices', durability: 'disk' });
    await client.close();
    await within(connection.closed, 'the end of the connection');
  });

  it('logs in without a publisher when it only reads, and then publishes nothing', async () => {
    const server = await startServer();
    const connecting = connect({ port: server.port, publisher: false });
    const connection = await server.accept();
    const login = await connection.login();
    const client = await connecting;
    expect([login.publisher, client.publisher]).toEqual([undefined, '']);
    expect(() => client.publish(Buffer.from('a'))).toThrow('publisher: false');
    await client.close();
  });

  it('fails with ERR_CONNECT when nobody listens', async () => {
    const server = await startServer();
    const { port } = server;
    await server.stop();
    const error = await rejectionOf(connect({ port }));
    expect(error).toBeInstanceOf(LatecomerError);
    expect(error).toMatchObject({ code: 'ERR_CONNECT', message: expect.stringContaining(`127.0.0.1:${port}`) });
  });

  it('fails with the code the server answers to the login, after one attempt', async () => {
    const server = await startServer();
    const connecting = rejectionOf(connect({ port: server.port }));
    const connection = await server.accept();
    await connection.take('LOGIN');
    connection.send({ type: 'ERROR', code: 'ERR_SHUTTING_DOWN', message: 'bye', remedy: 'reconnect' });
    expect(await connecting).toMatchObject({ code: 'ERR_SHUTTING_DOWN', remedy: 'reconnect' });
    expect(server.count).toBe(1);
  });

  it('fails with ERR_CONNECT when the login is not answered in time', async () => {
    const server = await startServer();
    const error = await rejectionOf(connect({ port: server.port, connectMs: 20 }));
    expect(error).toMatchObject({ code: 'ERR_CONNECT', message: expect.stringContaining('answer to the login') });
  });

  it('has no deadline any more once the login is answered', async () => {
    const { connection, client } = await startPair({ connectMs: 40 }, { heartbeatMs: 10 });
    let isBroken = false;
    client.on('disconnected', () => {
      isBroken = true;
    });
    for (let heartbeats = 0; heartbeats < 10; heartbeats += 1) await connection.take('HEARTBEAT');
    expect(isBroken).toBe(false);
  });

  it('fails with ERR_CONNECT when the server hangs up instead of answering the login', async () => {
    const server = await startServer();
    const connecting = rejectionOf(connect({ port: server.port }));
    const connection = await server.accept();
    await connection.take('LOGIN');
    connection.drop();
    expect(await connecting).toMatchObject({ code: 'ERR_CONNECT' });
  });

  it('fails with ERR_NOT_LATECOMER when something else listens there', async () => {
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const error = await rejectionOf(connect({ port }));
    other.close();
    expect(error).toMatchObject({ code: 'ERR_NOT_LATECOMER', remedy: 'never' });
  });

  it('fails with ERR_ABORTED when its signal is aborted before or while it connects', async () => {
    const server = await startServer();
    const reason = new Error('enough');
    expect(await rejectionOf(connect({ port: server.port, signal: AbortSignal.abort(reason) }))).toMatchObject({
      code: 'ERR_ABORTED',
      cause: reason,
    });
    const abort = new AbortController();
    const connecting = rejectionOf(connect({ port: server.port, signal: abort.signal }));
    const connection = await server.accept();
    abort.abort(reason);
    expect(await connecting).toMatchObject({ code: 'ERR_ABORTED', cause: reason });
    await within(connection.closed, 'the end of the connection');
  });

  it('refuses a port that cannot be connected to', async () => {
    expect(await rejectionOf(connect({ port: 0 }))).toBeInstanceOf(RangeError);
  });
});

describe('a connected client', () => {
  it('connects again when the connection breaks, and says so', async () => {
    const { server, connection, client } = await startPair();
    const events: string[] = [];
    client.on('disconnected', ({ error }) => events.push(`disconnected ${error.code}`));
    const back = new Promise<void>((resolve) =>
      client.on('connected', () => {
        events.push('connected');
        resolve();
      }),
    );
    connection.drop();
    await (await server.accept()).login();
    await within(back, 'the reconnect');
    expect(events).toEqual(['disconnected ERR_DISCONNECTED', 'connected']);
  });

  it('ends when the server says that connecting again is no use', async () => {
    const { server, connection, client } = await startPair();
    const ended = new Promise<LatecomerError>((resolve) => client.on('error', resolve));
    connection.send({ type: 'ERROR', code: 'ERR_PUBLISHER_TAKEN_OVER', message: 'another login', remedy: 'never' });
    expect(await within(ended, 'the end')).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
    expect(await rejectionOf(client.publish(Buffer.from('a')))).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
    expect(await rejectionOf(client.sessions())).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
    expect(await rejectionOf(client.subscribe()[Symbol.asyncIterator]().next())).toMatchObject({
      code: 'ERR_PUBLISHER_TAKEN_OVER',
    });
    expect(server.count).toBe(1);
  });

  it('gives up after attemptsMax attempts', async () => {
    const { server, connection, client } = await startPair({ reconnect: { firstMs: 1, maxMs: 2, attemptsMax: 3 } });
    const ended = new Promise<LatecomerError>((resolve) => client.on('error', resolve));
    let breaks = 0;
    client.on('disconnected', () => {
      breaks += 1;
    });
    connection.drop();
    await server.stop().catch(() => {});
    expect(await within(ended, 'the end')).toMatchObject({
      code: 'ERR_DISCONNECTED',
      message: expect.stringContaining('gave up after 3 attempts'),
    });
    expect(breaks).toBe(3);
  });

  it('does not connect again when told not to', async () => {
    const { connection, client } = await startPair({ reconnect: false });
    const ended = new Promise<LatecomerError>((resolve) => client.on('error', resolve));
    connection.drop();
    expect(await within(ended, 'the end')).toMatchObject({ code: 'ERR_DISCONNECTED' });
  });

  it('sends heartbeats when it has nothing else to send', async () => {
    const { connection } = await startPair({}, { heartbeatMs: 10 });
    await connection.take('HEARTBEAT');
    await connection.take('HEARTBEAT');
  });

  it('gives up a server that is silent', async () => {
    const { server, client } = await startPair({}, { heartbeatMs: 10, silenceMs: 30 });
    const broken = new Promise<LatecomerError>((resolve) => client.on('disconnected', ({ error }) => resolve(error)));
    expect(await within(broken, 'the break')).toMatchObject({
      code: 'ERR_DISCONNECTED',
      message: expect.stringContaining('heard nothing'),
    });
    await (await server.accept()).login();
  });

  it('ends when the server sends what is not the protocol', async () => {
    const { connection, client } = await startPair();
    const ended = new Promise<LatecomerError>((resolve) => client.on('error', resolve));
    connection.socket.write(Buffer.from([0, 0, 0, 0]));
    expect(await within(ended, 'the end')).toMatchObject({ code: 'ERR_BAD_FRAME' });
  });

  it('close() is bounded when acknowledgements do not come, and rejects them with ERR_CLOSED', async () => {
    const { connection, client } = await startPair({ closeMs: 20 });
    const publishing = rejectionOf(client.publish(Buffer.from('a')));
    await connection.take('PUBLISH');
    await within(client.close(), 'close()');
    expect(await publishing).toMatchObject({ code: 'ERR_CLOSED' });
    await within(connection.closed, 'the end of the connection');
  });

  it('close() waits for acknowledgements that are on their way', async () => {
    const { connection, client } = await startPair({ closeMs: 5_000 });
    const publishing = client.publish(Buffer.from('a'));
    const closing = client.close();
    await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await within(publishing, 'the acknowledgement')).toMatchObject({ firstSeq: 1 });
    await within(closing, 'close()');
  });
});
