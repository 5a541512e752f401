import { expect, test } from 'vitest';
import { eventually } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { type Inspection, inspect, inspectUntil } from './support/inspection.js';
import { isAlive, signal } from './support/processes.js';
import { readLog } from './support/read-log.js';

const arena = useArena();
const messages = 12_000;

/** A server whose log is some 50 times its ring, so that whoever joins late is rewinding for a while. */
async function startRewinds() {
  const { port } = await arena.start({ placement: 'rewinds', flags: ['--ring-bytes-max', '262144'] });
  const publisher = new GoBackNPublisher({ port, publisher: 'p', messagesEach: 100, bytesEach: 1_000 });
  arena.defer(() => publisher.stop());
  const live = await Follower.start({ port, from: 1, name: 'live' });
  arena.defer(() => live.stop());
  publisher.publishTo(messages / 100);
  await publisher.acknowledged(messages / 100);
  const pid = await rewindHost(port);
  return { port, publisher, live, pid, main: (await inspect(port)).pid };
}

/** The process that hosts rewinds, once there is one. */
async function rewindHost(port: number, wanted = (_: number) => true): Promise<number> {
  const there = ({ rewindHostPid }: Inspection) => rewindHostPid !== null && wanted(rewindHostPid);
  const { pid, rewindHostPid } = await inspectUntil(port, there, 'the process that hosts rewinds');
  expect(rewindHostPid).not.toBe(pid);
  return rewindHostPid!;
}

test('rewinds go on at their next number whenever their process is killed in the middle of them', async () => {
  const { port, publisher, live, main } = await startRewinds();
  const positions = Array.from({ length: 20 }, (_, index) => 1 + index * 300);
  let delivered = 0;
  let kills = 0;
  let killing = Promise.resolve();
  const joiners = await Promise.all(
    positions.map(async (from) => {
      const texts: string[] = [];
      const follower = await Follower.start({
        port,
        from,
        name: `from ${from}`,
        message: (_, payload) => {
          texts.push(payload.toString());
          delivered += 1;
          if (delivered < (kills + 1) * 25_000 || kills === 4) return;
          kills += 1;
          killing = killing.then(async () => signal(await rewindHost(port), 'SIGKILL'));
        },
      });
      arena.defer(() => follower.stop());
      return { from, texts, follower };
    }),
  );
  await Promise.all(joiners.map(({ follower }) => follower.reached(messages)));
  await killing;
  expect(kills).toBe(4);
  publisher.publishTo(messages / 100 + 5);
  await publisher.acknowledged(messages / 100 + 5);

  const log = await readLog(port);
  for (const { from, texts, follower } of joiners) {
    await follower.reached(log.length);
    expect(follower.lost).toEqual([]);
    expect(follower.connections).toBe(1);
    expect(texts).toEqual(log.slice(from - 1));
  }
  await live.reached(log.length);
  expect(live.texts).toEqual(log);
  expect(live.connections).toBe(1);
  expect((await inspect(port)).pid).toBe(main);
});

test('a rewind whose process is stopped goes on in the process that replaces it', async () => {
  const { port, live, pid } = await startRewinds();
  signal(pid, 'SIGSTOP');
  const joiner = await Follower.start({ port, from: 1, name: 'late' });
  arena.defer(() => joiner.stop());
  const successor = await rewindHost(port, (found) => found !== pid);
  await eventually(() => !isAlive(pid) || undefined, 'the stopped process to be killed');
  expect(isAlive(successor)).toBe(true);
  await joiner.reached(messages);
  expect(joiner.texts).toEqual(live.texts);
  expect(joiner.connections).toBe(1);
});
