import { describe, expect, test } from 'vitest';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { forksOf, inspect } from './support/inspection.js';
import { signal } from './support/processes.js';
import { RawClient } from './support/raw-client.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();
/** SIGTERM must be over by then. */
const drainMs = 10_000;

const cases: [PlacementName, boolean][] = [
  ['default', true],
  ['default', false],
  ['edges', true],
  ['rewinds', true],
];

describe.each(cases)('in the placement %s, supervised: %s', (placement, supervised) => {
  test('SIGTERM tells every client to reconnect and ends with 0 within 10 s, all processes included', async () => {
    const server = await arena.start({ placement, supervised });
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(server.port)));
    const publisher = await RawClient.connect(server.port, { publisher: 'p' });
    await Promise.all(clients.map((client) => client.subscribed({ from: 1 })));
    publisher.publish(1, [Buffer.from('hello')]);
    // One that does not read must not hold up the others.
    clients[0]!.stall();
    expect(await server.end('SIGTERM', drainMs)).toEqual({ code: 0, signal: null });
    expect(arena.processes()).toEqual([]);
    clients[0]!.resume();
    for (const client of [...clients, publisher]) {
      const { error } = await within(client.closed, 'the connection to end');
      expect(error?.code).toBe('ERR_SHUTTING_DOWN');
      expect(error?.remedy).toBe('reconnect');
    }
  });
});

test('what was published before SIGTERM is acknowledged or refused, and in the log accordingly', async () => {
  const server = await arena.start();
  const answers: { type: string; number: number }[] = [];
  const publisher = await RawClient.connect(
    server.port,
    { publisher: 'p' },
    {
      message: (message) => {
        if (message.type === 'ACKNOWLEDGED' || message.type === 'REFUSED') answers.push(message);
      },
    },
  );
  for (let number = 1; number <= 500; number += 1) publisher.publish(number, [Buffer.alloc(1_000, number)]);
  expect((await server.end('SIGTERM', drainMs)).code).toBe(0);
  await publisher.closed;
  const acknowledged = Math.max(
    0,
    ...answers.filter(({ type }) => type === 'ACKNOWLEDGED').map(({ number }) => number),
  );
  const next = await arena.start({ data: server.data });
  const again = await RawClient.connect(next.port, { publisher: 'p' });
  expect(again.loggedIn.published).toBe(acknowledged);
  const [session] = await again.sessions();
  expect(session!.lastSeq).toBe(acknowledged);
});

describe.each<PlacementName>(['default', 'edges', 'rewinds'])('in the placement %s', (placement) => {
  test('SIGTERM ends a server that is published to and rewound from, and nothing acknowledged is missing after it', async () => {
    const flags = ['--ring-bytes-max', '262144'];
    const server = await arena.start({ placement, supervised: true, flags });
    const { port, data } = server;
    const publisher = new GoBackNPublisher({ port, publisher: 'p', messagesEach: 20, bytesEach: 500 });
    arena.defer(() => publisher.stop());
    publisher.publishTo(Number.MAX_SAFE_INTEGER);
    await publisher.acknowledged(300);
    const followers = await Promise.all(Array.from({ length: 20 }, () => Follower.start({ port, from: 1 })));
    for (const follower of followers) arena.defer(() => follower.stop());
    expect(await server.end('SIGTERM', drainMs)).toEqual({ code: 0, signal: null });
    expect(arena.processes()).toEqual([]);

    await arena.start({ placement, data, port, flags });
    await publisher.acknowledged(publisher.settled + 20);
    await publisher.finish();
    const log = await readLog(port);
    expectExactlyOnce(log, publisher, 'p');
    for (const follower of followers) {
      await follower.reached(log.length);
      expect(follower.texts).toEqual(log);
    }
  });
});

test.each<PlacementName>(['edges', 'rewinds'])(
  'SIGTERM ends a server with a stopped fork in time: %s',
  async (placement) => {
    const server = await arena.start({ placement, supervised: true });
    for (const fork of forksOf(await inspect(server.port))) signal(fork, 'SIGSTOP');
    expect(await server.end('SIGTERM', drainMs)).toEqual({ code: 0, signal: null });
    expect(arena.processes()).toEqual([]);
  },
);
