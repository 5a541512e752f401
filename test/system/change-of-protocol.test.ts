import { describe, expect, test } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import { Random } from '../support/random.js';
import { useArena } from './support/arena.js';
import { Counting } from './support/counting.js';
import type { PlacementName } from './support/server-process.js';
import { endOf, Wanderer, ways } from './support/wanderer.js';

const arena = useArena();
const wanderers = 4;
const rolls = 12;

/** Rolls at random moments, every third time with a discard. */
async function rollAway(operator: Client, counting: Counting, random: Random): Promise<void> {
  for (let roll = 1; roll <= rolls; roll += 1) {
    await counting.reached(counting.acknowledged + random.integer(0, 1_500));
    await operator.roll({ reason: `roll ${roll}`, discard: roll % 3 === 0 });
  }
}

describe.each(['default', 'edges', 'rewinds'] as PlacementName[])('in the placement %s', (placement) => {
  test('a reader that changes protocols at any number gets every message of every session once, and each end', {
    timeout: 120_000,
  }, async () => {
    const random = new Random();
    console.log(`change of protocol, ${placement}: SEED=${random.seed}`);
    const flags = ['--soup-port', '0', '--durability', 'os', '--ring-bytes-max', '262144'];
    const server = await arena.start({ placement, flags });
    const operator = await connect({ port: server.port, closeMs: 100 });
    arena.defer(() => operator.close());
    const [first] = await operator.sessions();
    const counting = new Counting(operator, 10, 5, 500);
    arena.defer(() => counting.cancel());
    let rolling = true;
    const rolled = rollAway(operator, counting, random.fork()).finally(() => {
      rolling = false;
    });
    const readers = await Promise.all(
      Array.from({ length: wanderers }, () => Wanderer.start(server, first!.session, random.fork())),
    );
    for (const reader of readers) arena.defer(() => reader.close());
    await Promise.all(
      readers.map(async (reader) => {
        while (rolling) await reader.read(reader.pick(ways), reader.amount(600));
      }),
    );
    await rolled;
    await counting.stop();
    const sessions = await operator.sessions();
    const active = sessions[sessions.length - 1]!;
    const ends = sessions.slice(0, -1).map((line) => endOf(line.session, line.lastSeq, line.discardReason));
    expect(ends).toHaveLength(rolls);
    for (const reader of readers) {
      for (;;) {
        const left = counting.places.length - reader.places.length;
        if (left === 0 && reader.session === active.session) break;
        // Where no message is left there may be the end of a session to be told of, and none behind it to follow into.
        if (left === 0) await reader.read(reader.pick(['native', 'binary', 'lines'] as const), 1);
        else await reader.read(reader.pick(ways), Math.min(left, reader.amount(600)));
      }
      expect(reader.ends).toEqual(ends);
      expect(reader.places.findIndex((place, count) => place !== counting.places[count])).toBe(-1);
      expect(reader.texts.findIndex((text, count) => text !== counting.text(count))).toBe(-1);
    }
    for (const way of ways) expect(Math.max(...readers.map(({ legs }) => legs[way])), way).toBeGreaterThan(1);
  });
});
