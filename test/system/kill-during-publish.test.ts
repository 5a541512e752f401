import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';

const arena = useArena();
const kills = 20;

test('keeps every message exactly once, in order and as acknowledged, over 20 times kill -9 while it is published to', {
  timeout: 120_000,
}, async () => {
  let server = await arena.start();
  const { port } = server;
  const data = server.data;
  const publisher = new GoBackNPublisher({ port, publisher: 'p' });
  const follower = await Follower.start({ port, from: 1 });
  arena.defer(() => publisher.stop());
  arena.defer(() => follower.stop());
  publisher.publishTo(Number.MAX_SAFE_INTEGER);
  for (let kill = 1; kill <= kills; kill += 1) {
    // Somewhere else in the course of a commit each time.
    await publisher.acknowledged(publisher.settled + 7 * kill);
    await server.kill();
    server = await arena.start({ data, port });
  }
  await publisher.acknowledged(publisher.settled + 100);
  await publisher.finish();

  const log = await readLog(port);
  expectExactlyOnce(log, publisher, 'p');
  expect(log.length).toBe(publisher.settled * 3);
  await follower.reached(log.length);
  expect(follower.texts).toEqual(log);
  expect(publisher.connections).toBe(kills + 1);
  expect(publisher.resent).toBeGreaterThan(0);
  expect([...publisher.receipts.values()].every(({ durability }) => durability === 'disk')).toBe(true);
});
