import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Actor } from '../../../actors/runtime/index.js';
import { SocketsUnderWay } from '../../../actors/runtime/sockets-under-way.js';
import { forkWorker, recordedLogger, startSystem } from './support.js';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Both ends of a connection; the accepted one is paused. */
async function connection(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  return { client, accepted };
}

describe('sendSocket', () => {
  it('hands a paused socket to the forked process with what was sent before', async () => {
    const worker = await forkWorker(await startSystem());
    const { client, accepted } = await connection();
    client.end('early bytes');
    expect(worker.sendSocket(accepted, { greeting: 'got' })).toBe(true);
    expect(await text(client)).toBe(`got early bytes from ${worker.pid}`);
  });

  it('closes the connections of a process that is killed', async () => {
    const worker = await forkWorker(await startSystem());
    const { client, accepted } = await connection();
    worker.sendSocket(accepted, { greeting: 'got' });
    client.write('x');
    await once(client, 'data');
    client.on('error', () => {});
    const closed = once(client, 'close');
    process.kill(worker.pid, 'SIGKILL');
    await closed;
    await worker.exited;
    const another = await connection();
    expect(worker.sendSocket(another.accepted, {})).toBe(false);
    another.client.destroy();
    another.accepted.destroy();
  });

  it('closes the connections a suspended process has not fetched when it dies', async () => {
    const worker = await forkWorker(await startSystem());
    process.kill(worker.pid, 'SIGSTOP');
    const connections = await Promise.all(Array.from({ length: 20 }, connection));
    const closed = connections.map(({ client, accepted }) => {
      expect(worker.sendSocket(accepted, { greeting: 'got' })).toBe(true);
      client.on('error', () => {});
      return once(client.resume(), 'close');
    });
    process.kill(worker.pid, 'SIGKILL');
    await Promise.all(closed);
  });

  it('takes no more sockets than its limit until the process says that it holds some', async () => {
    const worker = { send: () => true } as unknown as ChildProcess;
    const underWay = new SocketsUnderWay(2);
    const connections = await Promise.all(Array.from({ length: 3 }, connection));
    const send = (): boolean[] => connections.map(({ accepted }) => underWay.send(worker, accepted, {}));
    expect(send()).toEqual([true, true, false]);
    underWay.taken(1);
    expect(connections.map(({ accepted }) => accepted.destroyed)).toEqual([true, false, false]);
    expect(underWay.send(worker, connections[2]!.accepted, {})).toBe(true);
    underWay.destroy();
    expect(connections.map(({ accepted }) => accepted.destroyed)).toEqual([true, true, true]);
    for (const { client } of connections) client.destroy();
  });

  it('ends the process when onSocket throws', async () => {
    const { logger, line } = recordedLogger('fatal');
    const worker = await forkWorker(await startSystem({ logger }));
    const { client, accepted } = await connection();
    client.on('error', () => {});
    worker.sendSocket(accepted, { throw: true });
    expect(await worker.exited).toMatchObject({ code: 70 });
    expect(await line(/thrown in onSocket/)).toMatchObject({ topic: 'onSocket' });
  });

  it('passes a socket to an in-memory actor as it is', async () => {
    const taken = vi.fn();
    class Taker extends Actor<object> {
      override onSocket(socket: Socket, meta: object): void {
        taken(socket, meta);
      }
    }
    const system = await startSystem();
    const taker = await system.spawn({ actor: Taker }, { name: 'Taker', parameters: {} });
    const { client, accepted } = await connection();
    expect(taker.sendSocket(accepted, { a: 1 })).toBe(true);
    expect(taken).toHaveBeenCalledWith(accepted, { a: 1 });
    await taker.stop();
    expect(taker.sendSocket(accepted, {})).toBe(false);
    client.destroy();
    accepted.destroy();
  });

  it('closes the socket when the actor takes none', async () => {
    class Mute extends Actor<object> {}
    const system = await startSystem();
    const mute = await system.spawn({ actor: Mute }, { name: 'Mute', parameters: {} });
    const { client, accepted } = await connection();
    mute.sendSocket(accepted, {});
    await once(client.resume(), 'close');
  });
});
