import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { edgeOf, inspect, inspectUntil } from './support/inspection.js';
import { isAlive, signal } from './support/processes.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';

const arena = useArena();

/** A server with two edges, a follower on each, and a publisher that is on the edge of the first one. */
async function startEdges() {
  const { port } = await arena.start({ placement: 'edges' });
  // Connections go to the edges in turn.
  const first = await Follower.start({ port, from: 1, name: 'first' });
  const second = await Follower.start({ port, from: 1, name: 'second' });
  const publisher = new GoBackNPublisher({ port, publisher: 'p' });
  for (const open of [first, second, publisher]) arena.defer(() => open.stop());
  publisher.publishTo(Number.MAX_SAFE_INTEGER);
  await publisher.acknowledged(50);
  const state = await inspect(port);
  const edge = edgeOf(state, 'first');
  expect(edgeOf(state, 'second').pid).not.toBe(edge.pid);
  expect(edge.connections).toBeGreaterThan(1);
  return { port, first, second, publisher, pid: edge.pid, main: state.pid };
}

/** Two edges again, and one of them is not the one that was there before. */
async function replaced(port: number, pid: number, main: number): Promise<void> {
  const state = await inspectUntil(
    port,
    ({ edges }) => edges.length === 2 && edges.every((edge) => edge.pid !== pid && !edge.busy),
    'the edge to be replaced',
  );
  expect(state.pid).toBe(main);
}

test('an edge killed with -9 comes back; its clients resume and the clients of the other edge notice nothing', async () => {
  const { port, first, second, publisher, pid, main } = await startEdges();
  const before = publisher.settled;
  signal(pid, 'SIGKILL');
  await first.connected(2);
  await publisher.acknowledged(before + 100);
  await replaced(port, pid, main);
  await publisher.acknowledged(publisher.settled + 100);
  await publisher.finish();

  expect(publisher.connections).toBe(2);
  const log = await readLog(port);
  expectExactlyOnce(log, publisher, 'p');
  await Promise.all([first.reached(log.length), second.reached(log.length)]);
  expect(first.texts).toEqual(log);
  expect(second.texts).toEqual(log);
  expect(first.connections).toBe(2);
  expect(second.connections).toBe(1);
  expect(second.lives).toBe(1);
});

test('an edge that is stopped is killed and replaced, and the clients of the other edge go on meanwhile', async () => {
  const { port, first, second, publisher, pid, main } = await startEdges();
  // A publisher of its own, on the other edge, so that there is something to follow.
  const other = new GoBackNPublisher({ port, publisher: 'q' });
  arena.defer(() => other.stop());
  signal(pid, 'SIGSTOP');
  other.publishTo(200);
  const seen = second.next;
  await other.acknowledged(200);
  await second.reached(seen + 200);
  await first.connected(2);
  expect(isAlive(pid)).toBe(false);
  await replaced(port, pid, main);
  await publisher.acknowledged(publisher.settled + 50);
  await publisher.finish();

  const log = await readLog(port);
  expectExactlyOnce(log, publisher, 'p');
  expectExactlyOnce(log, other, 'q');
  await Promise.all([first.reached(log.length), second.reached(log.length)]);
  expect(first.texts).toEqual(log);
  expect(second.texts).toEqual(log);
  expect(second.connections).toBe(1);
});
