import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
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

/** Flip one bit in each of `places` parts of every table, between a tenth and four fifths of it: blocks are there. */
async function damageAnywhere(directory: string, places: number, random: () => number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!/\.(ldb|sst)$/.test(name)) continue;
    const table = await readFile(join(directory, name));
    for (let place = 0; place < places; place += 1) {
      const at = Math.floor((0.1 + ((place + random()) / places) * 0.7) * table.length);
      table[at]! ^= 1 << Math.floor(random() * 8);
    }
    await writeFile(join(directory, name), table);
  }
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state / 0x8000_0000;
  };
}

test('wherever bits are flipped in the blocks of a table, each message is delivered as it was or announced as LOST', async () => {
  const first = await arena.start();
  const { data } = first;
  // Small and many: headers, keys and LevelDB's own structures are hit as well as payloads.
  const publisher = new GoBackNPublisher({ port: first.port, publisher: 'p', bytesEach: 60, window: 4 });
  publisher.publishTo(600);
  await publisher.acknowledged(600);
  publisher.stop();
  await first.end('SIGTERM');
  const second = await arena.start({ data });
  const log = await readLog(second.port);
  await second.end('SIGTERM');

  for (const seed of [1, 2, 3]) {
    const copy = await arena.directory();
    await cp(data, copy, { recursive: true });
    await damageAnywhere(copy, 10, seeded(seed));
    const server = await arena.start({ data: copy });
    const client = await RawClient.connect(server.port);
    expect((await client.sessions()).map(({ lastSeq }) => lastSeq)).toEqual([log.length]);
    const delivered = new Map<number, string>();
    const message = (seq: number, payload: Buffer) => delivered.set(seq, payload.toString());
    const follower = await Follower.start({ port: server.port, from: 1, message });
    arena.defer(() => follower.stop());
    await follower.live();
    const lost = new Set<number>();
    for (const { from, to } of follower.lost) for (let seq = from; seq <= to; seq += 1) lost.add(seq);
    expect(lost.size, `seed ${seed}`).toBeGreaterThan(0);
    for (const [index, text] of log.entries()) {
      const found = lost.has(index + 1) ? undefined : text;
      if (delivered.get(index + 1) !== found) expect.fail(`seed ${seed}: ${index + 1} is ${delivered.get(index + 1)}`);
    }
    await server.end('SIGTERM');
  }
});
