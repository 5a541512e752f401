import { describe, expect, test } from 'vitest';
import { binLogin, lineLogin, SoupClient, type SoupFormat } from '../support/soup-client.js';
import { useArena } from './support/arena.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { signal } from './support/processes.js';
import { readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();

async function login(port: number, format: SoupFormat, bytes: Buffer | string): Promise<SoupClient> {
  const client = await SoupClient.loggedIn(port, format, bytes);
  arena.defer(() => client.destroy());
  return client;
}

describe.each<PlacementName>(['default', 'edges', 'rewinds'])('in the placement %s', (placement) => {
  test('Soup clients, early and late, get the log that native clients get', async () => {
    const flags = ['--soup-port', '0', '--ring-bytes-max', '262144'];
    const server = await arena.start({ placement, flags });
    const { soupPort } = server;
    const early = await login(soupPort, 'binary', binLogin(1));
    const publisher = new GoBackNPublisher({ port: server.port, publisher: 'p', bytesEach: 400, messagesEach: 20 });
    arena.defer(() => publisher.stop());
    publisher.publishTo(150);
    await publisher.acknowledged(100);
    const late = [
      await login(soupPort, 'binary', binLogin(777)),
      await login(soupPort, 'lines', lineLogin(2)),
      await login(soupPort, 'lines', 'LS010001'),
    ];
    await publisher.acknowledged(150);
    const log = await readLog(server.port);
    for (const client of [early, ...late]) {
      await client.reached(log.length);
      expect(client.texts).toEqual(log.slice(client.first - 1));
    }
    expect(late.map(({ first }) => first)).toEqual([777, 2, 1]);
  });
});

test('a server that is killed comes back on the same Soup port, and its clients resume at their next number', async () => {
  const server = await arena.start({ supervised: true, flags: ['--soup-port', '0'] });
  const { port, soupPort } = server;
  const publisher = new GoBackNPublisher({ port, publisher: 'p' });
  arena.defer(() => publisher.stop());
  publisher.publishTo(Number.MAX_SAFE_INTEGER);
  const before = await login(soupPort, 'binary', binLogin(1));
  await publisher.acknowledged(50);
  const { pid } = await server.logLine(({ msg }) => msg === 'listening', 'the server to listen');
  signal(pid!, 'SIGKILL');
  await before.closed;
  await server.until(({ out }) => out.split('listening on').length > 2 || undefined, 'the server to be back');
  expect(server.soupPort).toBe(soupPort);
  const after = await login(soupPort, 'binary', binLogin(before.next, before.session));
  expect(after.first).toBe(before.next);
  await publisher.acknowledged(publisher.settled + 50);
  await publisher.finish();
  const log = await readLog(port);
  await after.reached(log.length);
  expect([...before.texts, ...after.texts]).toEqual(log);
});
