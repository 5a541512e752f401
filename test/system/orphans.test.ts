import { describe, expect, test } from 'vitest';
import { eventually } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { forksOf, inspect, inspectUntil } from './support/inspection.js';
import { isAlive, signal } from './support/processes.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();

/** A server of several processes with something in its log. */
async function startTree(placement: PlacementName, supervised: boolean) {
  const server = await arena.start({ placement, supervised });
  const { port, data } = server;
  const publisher = new GoBackNPublisher({ port, publisher: 'p' });
  arena.defer(() => publisher.stop());
  publisher.publishTo(50);
  await publisher.acknowledged(50);
  const { pid: main, ...state } = await inspect(port);
  const forks = forksOf({ pid: main, ...state });
  return { server, port, data, publisher, main, forks };
}

/** It has the log, takes more, and serves all of it. */
async function worksOn(port: number, publisher: GoBackNPublisher): Promise<void> {
  publisher.publishTo(publisher.settled + 50);
  await publisher.acknowledged(publisher.settled + 50);
  expectExactlyOnce(await readLog(port), publisher, 'p');
}

async function gone(pids: number[]): Promise<void> {
  await eventually(() => !pids.some(isAlive) || undefined, `processes ${pids.join(', ')} to be gone`);
}

describe.each<PlacementName>(['default', 'edges', 'rewinds'])('in the placement %s', (placement) => {
  test('when the supervisor is killed everything ends, and a new server takes the port and the directory', async () => {
    const { server, port, data, publisher } = await startTree(placement, true);
    await server.kill();
    await arena.deserted();
    const next = await arena.start({ port, data, placement, supervised: true });
    expect(next.port).toBe(port);
    await worksOn(port, publisher);
    await next.end('SIGTERM');
    await arena.deserted();
  });

  test('when main is killed the supervisor starts it again on its port and nothing of the old one is left', async () => {
    const { server, port, publisher, main, forks } = await startTree(placement, true);
    signal(main, 'SIGKILL');
    await inspectUntil(port, ({ pid }) => pid !== main, 'a new main process');
    await gone([main, ...forks]);
    await worksOn(port, publisher);
    expect(server.child.exitCode).toBe(null);
    await server.end('SIGTERM');
    await arena.deserted();
  });
});

describe.each<PlacementName>(['edges', 'rewinds'])('in the placement %s', (placement) => {
  test('stopped forks do not outlive a killed main under the supervisor', async () => {
    const { server, port, publisher, main, forks } = await startTree(placement, true);
    for (const fork of forks) signal(fork, 'SIGSTOP');
    signal(main, 'SIGKILL');
    await gone([main, ...forks]);
    await inspectUntil(port, ({ pid }) => pid !== main, 'a new main process');
    await worksOn(port, publisher);
    await server.end('SIGTERM');
    await arena.deserted();
  });

  test('stopped forks do not outlive a killed supervisor', async () => {
    const { server, port, data, publisher, forks } = await startTree(placement, true);
    for (const fork of forks) signal(fork, 'SIGSTOP');
    await server.kill();
    await arena.deserted();
    const next = await arena.start({ port, data, placement });
    await worksOn(port, publisher);
    await next.end('SIGTERM');
  });

  test('stopped forks of a killed main that had no supervisor keep neither port nor directory, and end when they wake', async () => {
    const { server, port, data, publisher, forks } = await startTree(placement, false);
    for (const fork of forks) signal(fork, 'SIGSTOP');
    await server.kill();
    expect(forks.every(isAlive)).toBe(true);
    const next = await arena.start({ port, data, placement });
    // A stopped edge still holds its end of the connection; without this the silence of it would be noticed in time.
    publisher.reconnect();
    await worksOn(port, publisher);
    for (const fork of forks) signal(fork, 'SIGCONT');
    await gone(forks);
    await next.end('SIGTERM');
    await arena.deserted();
  });
});
