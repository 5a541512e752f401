import { expect, it } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import type { Page } from '../../storage/index.js';
import { within } from '../support/deadline.js';
import { Random } from '../support/random.js';
import { type Front, startServerUnderTest } from './server-under-test.js';

const preloaded = 10_000;
const latecomers = 60;
const publishesMore = 200;
const messagesEach = 25;
/** Pages after which a roll begins: in the midst of the rewinds of all latecomers. */
const rollAtPages = [20, 60, 100];
/** A ring of a few publishes: everybody comes from the log. */
const ringBytesMax = 16 * 1024;
const crashChance = 0.05;

const payloads = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => Buffer.from(`${from + index}`.padEnd(64, '.')));

/** The messages of a source from one of the session named on, up to its message `last`, which need not be in that session. */
async function readAll(client: Client, session: string, from: number, last: number): Promise<string[]> {
  const places: string[] = [];
  for await (const block of client.subscribe({ session, from, follow: true }).blocks()) {
    for (const message of block) {
      const count = from - 1 + places.push(`${message.session} ${message.seq}`);
      expect(Number.parseInt(Buffer.from(message.payload).toString(), 10)).toBe(count);
      if (count === last) return places;
    }
  }
  throw new Error(`the source ended after ${places.length} messages, before ${last}`);
}

it.each<Front>(['one process', 'an edge'])(
  'a roll in a storm of rewinds that crash leaves every latecomer without gap or duplicate: %s',
  { timeout: 120_000 },
  async (front) => {
    const random = new Random();
    console.log(`rolls, ${front}: SEED=${random.seed}`);
    const rolling: Promise<unknown>[] = [];
    let pages = 0;
    const read = async (page: () => Promise<Page>): Promise<Page> => {
      pages += 1;
      if (rollAtPages.includes(pages)) rolling.push(publisher.roll({ reason: `page ${pages}` }));
      if (random.chance(crashChance)) throw new Error('this rewind crashes');
      return page();
    };
    const server = await startServerUnderTest(
      front,
      { ringBytesMax, pageCacheBytesMax: 1024 * 1024, durability: 'os' },
      read,
    );
    const clients: Client[] = [];
    const client = async () => {
      const connected = await connect({ port: server.port, closeMs: 100 });
      clients.push(connected);
      return connected;
    };
    const publisher = await client();
    try {
      const acknowledged: string[] = [];
      const publish = async (count: number) => {
        const from = acknowledged.length + 1;
        acknowledged.length += count;
        const { session, firstSeq } = await publisher.publish(payloads(from, count));
        for (let index = 0; index < count; index += 1)
          acknowledged[from - 1 + index] = `${session} ${firstSeq + index}`;
      };
      while (acknowledged.length < preloaded) await publish(500);
      const [first] = await publisher.sessions();
      const total = preloaded + publishesMore * messagesEach;
      const readers = await Promise.all(Array.from({ length: latecomers }, () => client()));
      // Some want all of it, the others come from anywhere in what there was before the rolls.
      const starts = readers.map((_, index) => (index % 3 === 0 ? 1 : random.integer(1, preloaded)));
      const reading = readers.map((reader, index) => readAll(reader, first!.session, starts[index]!, total));
      for (let number = 0; number < publishesMore; number += 1) await publish(messagesEach);
      const found = await within(Promise.all(reading), 'every latecomer to have everything', 90_000);
      await Promise.all(rolling);
      expect(rolling).toHaveLength(rollAtPages.length);
      expect(new Set(acknowledged.map((place) => place.split(' ')[0])).size).toBeGreaterThan(1);
      for (const [reader, places] of found.entries()) {
        const from = starts[reader]!;
        expect(places).toHaveLength(total - from + 1);
        expect(places.findIndex((place, index) => place !== acknowledged[from - 1 + index])).toBe(-1);
      }
    } finally {
      await Promise.all(clients.map((each) => each.close()));
      await server.stop();
    }
  },
);
