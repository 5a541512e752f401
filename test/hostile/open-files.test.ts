import { expect, it } from 'vitest';
import { affordableConnections } from '../../actors/open-files.js';
import { useArena } from '../system/support/arena.js';
import { Bystanders } from './bystanders.js';
import { IdleConnections } from './idle-connections.js';
import { RawClient } from './raw-client.js';

const arena = useArena();

/** In a crowd a client may be pushed out before its login was read; it does as it is told and connects again. */
async function loginAtLast(port: number): Promise<RawClient> {
  for (;;) {
    const client = await RawClient.connect(port);
    client.send({ type: 'LOGIN', versions: [1], publisher: 'late' });
    const answer = await client.inbox.take(() => true, 'an answer');
    if (answer.type === 'LOGGED_IN') return client;
    expect(answer).toMatchObject({ type: 'ERROR', code: 'ERR_LOGIN_TIMEOUT', remedy: 'reconnect' });
  }
}

it('connections are limited to what the open files leave when the log has its share', () => {
  const wanted = { connectionsMax: 20_000, loginsMax: 1_000 };
  expect(affordableConnections(wanted, Number.POSITIVE_INFINITY)).toEqual(wanted);
  expect(affordableConnections(wanted, 21_100)).toEqual(wanted);
  expect(affordableConnections(wanted, 21_099)).toEqual({ connectionsMax: 19_999, loginsMax: 1_000 });
  expect(affordableConnections(wanted, 1_024)).toEqual({ connectionsMax: 512, loginsMax: 256 });
});

it('a server with few open files answers each of more connections than that with a code, and goes on', async () => {
  const wrap = (command: string[]): string[] => ['bash', '-c', 'ulimit -n 160 && exec "$@"', 'bash', ...command];
  const server = await arena.start({ wrap });
  await server.logLine(({ connectionsMax }) => connectionsMax === 80, 'the limit on the log');
  const bystanders = await Bystanders.start(server.port);
  const count = 1_000;
  const idle = new IdleConnections(server.port, count);
  await idle.opened();
  const client = await loginAtLast(server.port);
  client.publish(1, [Buffer.from('here I am')]);
  await client.take('ACKNOWLEDGED');
  client.destroy();
  expect(await idle.closed()).toEqual({ ERR_LOGIN_TIMEOUT: count });
  await bystanders.noticeNothing();
  expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null });
});
