import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { RawClient } from './support/raw-client.js';
import { readLog } from './support/read-log.js';

const arena = useArena();

/** Flip a bit of each place where `text` is in a table of a database that is closed. @returns how many there are */
async function damage(directory: string, text: string): Promise<number> {
  let places = 0;
  for (const name of await readdir(directory)) {
    if (!/\.(ldb|sst)$/.test(name)) continue;
    const table = await readFile(join(directory, name));
    for (let at = table.indexOf(text); at !== -1; at = table.indexOf(text, at + 1)) {
      table[at]! ^= 1;
      places += 1;
    }
    await writeFile(join(directory, name), table);
  }
  return places;
}

/** Blocks of a log as they are delivered, by first and last number. */
async function blocksOf(port: number, lastSeq: number): Promise<{ from: number; to: number }[]> {
  const blocks: { from: number; to: number }[] = [];
  const done = new Promise<void>((resolve) => {
    void RawClient.connect(
      port,
      {},
      {
        block: ({ firstSeq, lastSeq: to }) => {
          blocks.push({ from: firstSeq, to });
          if (to === lastSeq) resolve();
        },
      },
    ).then((client) => {
      arena.defer(() => client.cut());
      return client.subscribed({ from: 1 });
    });
  });
  await done;
  return blocks;
}

test('a flipped byte in a table is announced as LOST with its range, to subscribers and over a rerequest; the rest is served', async () => {
  const first = await arena.start();
  const { data } = first;
  const publisher = new GoBackNPublisher({ port: first.port, publisher: 'p', bytesEach: 500, messagesEach: 10 });
  publisher.publishTo(200);
  await publisher.acknowledged(200);
  publisher.stop();
  await first.end('SIGTERM');
  // What is in LevelDB's log becomes a table when it is opened again.
  const second = await arena.start({ data });
  const log = await readLog(second.port);
  const blocks = await blocksOf(second.port, log.length);
  await second.end('SIGTERM');

  const victim = 1_234;
  expect(await damage(data, log[victim - 1]!)).toBeGreaterThan(0);
  const { from, to } = blocks.find((block) => block.from <= victim && victim <= block.to)!;
  const lost = { from, to, reason: 'corrupt' };

  const third = await arena.start({ data });
  const { port } = third;
  const follower = await Follower.start({ port, from: 1 });
  arena.defer(() => follower.stop());
  await follower.reached(log.length);
  expect(follower.lost).toMatchObject([lost]);
  expect(follower.texts).toEqual([...log.slice(0, from - 1), ...log.slice(to)]);

  // From inside the damage only what is left of it is lost.
  const inside = await Follower.start({ port, from: victim });
  arena.defer(() => inside.stop());
  await inside.reached(log.length);
  expect(inside.lost).toMatchObject([{ ...lost, from: victim }]);
  expect(inside.texts).toEqual(log.slice(to));

  const client = await RawClient.connect(port);
  const range = await client.rerequest(from - 50, to + 50);
  expect(range.lost).toEqual([lost]);
  expect(range.texts).toEqual([...log.slice(from - 51, from - 1), ...log.slice(to, to + 50)]);
  expect((await client.rerequest(victim, victim)).lost).toEqual([{ ...lost, from: victim, to: victim }]);

  // The log goes on where it was.
  const next = new GoBackNPublisher({ port, publisher: 'q', messagesEach: 1 });
  arena.defer(() => next.stop());
  next.publishTo(1);
  await next.acknowledged(1);
  expect(next.receipts.get(1)!.firstSeq).toBe(log.length + 1);
  await follower.reached(log.length + 1);
});
