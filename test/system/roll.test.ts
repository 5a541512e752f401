import { describe, expect, test } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Counting } from './support/counting.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();
const reconnect = { firstMs: 5, maxMs: 50 };

/** A client that is closed after the test. */
async function client(port: number): Promise<Client> {
  const connected = await connect({ port, reconnect, closeMs: 100 });
  arena.defer(() => connected.close());
  return connected;
}

/** A {@link Counting} that ends with the test. */
function count(publisher: Client, each: number, everyMs: number): Counting {
  const counting = new Counting(publisher, each, everyMs);
  arena.defer(() => counting.cancel());
  return counting;
}

/** Reads a source from the start of a session on, over every roll: each message once, in order, and where it was put. */
class Reading {
  readonly places: string[] = [];
  readonly ends: string[] = [];
  failure: unknown;
  #woken: () => void = () => {};

  constructor(reader: Client, session: string) {
    const subscription = reader.subscribe({ session, from: 1, follow: true });
    subscription.on('ended', ({ session: ended, lastSeq }) => this.ends.push(`${ended} ${lastSeq}`));
    void (async () => {
      try {
        for await (const block of subscription.blocks()) {
          for (const message of block) {
            const count = this.places.push(`${message.session} ${message.seq}`) - 1;
            const found = Buffer.from(message.payload).toString();
            if (found !== String(count)) throw new Error(`expected message ${count}, found ${found}`);
          }
          this.#woken();
        }
      } catch (error) {
        this.failure = error;
        this.#woken();
      }
    })();
  }

  async reached(count: number): Promise<void> {
    const watch = async () => {
      while (this.places.length < count && this.failure === undefined)
        await new Promise<void>((resolve) => {
          this.#woken = resolve;
        });
    };
    await within(watch(), () => `message ${count}, has ${this.places.length}`, 60_000);
    if (this.failure) throw this.failure;
  }
}

describe.each(['default', 'edges'] as PlacementName[])('in the placement %s', (placement) => {
  test('each of 100 followers sees both sessions whole over rolls at 5 000 messages a second', {
    timeout: 120_000,
  }, async () => {
    const { port } = await arena.start({ placement, flags: ['--durability', 'os'] });
    const publisher = await client(port);
    const [first] = await publisher.sessions();
    const readers = await Promise.all(Array.from({ length: 100 }, () => client(port)));
    const readings = readers.map((reader) => new Reading(reader, first!.session));
    const counting = count(publisher, 100, 20);
    const rolls = 2;
    for (let roll = 1; roll <= rolls; roll += 1) {
      await counting.reached(roll * 5_000);
      await publisher.roll({ reason: `roll ${roll}` });
    }
    await counting.reached((rolls + 1) * 5_000);
    await counting.stop();
    const sessions = await publisher.sessions();
    expect(sessions.map(({ state }) => state)).toEqual(['ended', 'ended', 'active']);
    const lasts = sessions.map(({ lastSeq }) => lastSeq);
    expect(lasts[0]! + lasts[1]! + lasts[2]!).toBe(counting.places.length);
    const ends = sessions.slice(0, -1).map(({ session, lastSeq }) => `${session} ${lastSeq}`);
    for (const reading of readings) {
      await reading.reached(counting.places.length);
      expect(reading.ends).toEqual(ends);
      // One by one: a diff of so many lines would take minutes.
      expect(reading.places.findIndex((place, count) => place !== counting.places[count])).toBe(-1);
    }
  });
});

test('exactly one session is active after each kill -9 in the course of a roll, and every message is in one of them', {
  timeout: 120_000,
}, async () => {
  let server = await arena.start();
  const { port } = server;
  const { data } = server;
  const publisher = await client(port);
  const operator = await client(port);
  const [first] = await operator.sessions();
  const reading = new Reading(await client(port), first!.session);
  const counting = count(publisher, 3, 2);
  const kills = 12;
  for (let kill = 1; kill <= kills; kill += 1) {
    await counting.reached(counting.acknowledged + 30);
    const rolling = operator.roll({ reason: `roll ${kill}` });
    // Somewhere else in the course of the roll each time: at once, or some commits later.
    if (kill > 1) await counting.reached(counting.acknowledged + 3 * (kill % 4));
    await server.kill();
    server = await arena.start({ data, port });
    const { ended, opened } = await within(rolling, 'the roll', 30_000);
    expect(ended?.next).toBe(opened.session);
    const sessions = await operator.sessions();
    expect(sessions.filter(({ state }) => state === 'active')).toHaveLength(1);
    expect(sessions[sessions.length - 1]).toMatchObject({ state: 'active', session: opened.session });
  }
  await counting.stop();
  await reading.reached(counting.places.length);
  const sessions = await operator.sessions();
  expect(sessions).toHaveLength(kills + 1);
  expect(reading.ends).toEqual(sessions.slice(0, -1).map(({ session, lastSeq }) => `${session} ${lastSeq}`));
  expect(reading.places).toEqual(counting.places);
});
