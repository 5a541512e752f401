import { MemoryLevel } from 'memory-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LevelHandle, PublisherRecord } from '../../storage/index.js';
import { receiptKey, receiptPrefix } from '../../storage/keys.js';

const log = { number: 4, session: 'first', epoch: 'e1' };
const prefix = receiptPrefix('main', 'p');
let level: LevelHandle;

beforeEach(() => {
  level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
});
afterEach(() => level.close());

function load(publisher = 'p'): Promise<PublisherRecord> {
  return PublisherRecord.load(level, 'main', publisher, () => 1_000);
}

/** One row for each publish [from..to], as they are written one after the other. */
async function publish(from: number, to: number, publisher = 'p'): Promise<void> {
  const record = await load(publisher);
  for (let number = from; number <= to; number += 1) {
    record.record(log, [[number, 1, number * 10, 1]], 'disk').written();
    await level.batch(record.saveRows().operations);
  }
}

/** From now on these keys are read as what `damage` makes of them, each in its old place, as in a damaged table. */
function damageKeys(damage: (key: Buffer) => Buffer): void {
  const { iterator } = level;
  type Options = { gte: Buffer; lt: Buffer; reverse?: boolean };
  const damaged = ({ gte, lt, reverse }: Options): unknown => {
    const made = Reflect.apply(iterator, level, [{ gte, lt: Buffer.from([4]), ...(reverse && { lt, reverse }) }]) as {
      nextv(size: number): Promise<[Buffer, Buffer][]>;
    };
    const { nextv } = made;
    let ended = false;
    const read = async (size: number): Promise<[Buffer, Buffer][]> => {
      const some: [Buffer, Buffer][] = ended ? [] : await Reflect.apply(nextv, made, [size]);
      const seen = some.map(([key, value]): [Buffer, Buffer] => [damage(key), value]);
      const outside = seen.findIndex(([key]) => (reverse ? key.compare(gte) < 0 : key.compare(lt) >= 0));
      ended = outside !== -1;
      return ended ? seen.slice(0, outside) : seen;
    };
    return Object.assign(made, { nextv: read });
  };
  Object.assign(level, { iterator: damaged });
}

function flipped(key: Buffer, byte: number, bit: number): Buffer {
  const copy = Buffer.from(key);
  copy[byte]! ^= 1 << bit;
  return copy;
}

/** The bits of the prefix, but those of the kind: what is of another kind ends all receipts. */
const bits = Array.from({ length: (prefix.length - 1) * 8 }, (_, bit) => [1 + (bit >> 3), bit & 7] as const);

describe('the record of a publisher of which the table is damaged', () => {
  it('goes to its last row whatever bit is flipped in the name of one before', async () => {
    await publish(1, 20);
    await publish(1, 3, 'q');
    let damage = (key: Buffer): Buffer => key;
    damageKeys((key) => damage(key));
    for (const [byte, bit] of bits) {
      damage = (key) => (key.equals(receiptKey(prefix, 7)) ? flipped(key, byte, bit) : key);
      const record = await load();
      expect(record.lastNumber, `bit ${bit} of byte ${byte}`).toBe(20);
      expect([record.find(6)?.run, record.find(8)?.run]).toEqual([
        [6, 1, 60, 1],
        [8, 1, 80, 1],
      ]);
    }
  });

  it('goes to its last row when all keys that build on a damaged one are wrong too', async () => {
    await publish(1, 40);
    const wrong = new Set(Array.from({ length: 16 }, (_, index) => String(receiptKey(prefix, 17 + index))));
    damageKeys((key) => (wrong.has(String(key)) ? flipped(key, 3, 7) : key));
    const record = await load();
    expect([record.lastNumber, record.find(16)?.run, record.find(33)?.run]).toEqual([
      40,
      [16, 1, 160, 1],
      [33, 1, 330, 1],
    ]);
  });

  it('ends with its last row, read from the end, when it cannot be come upon from the front', async () => {
    await publish(1, 40);
    const wrong = new Set(Array.from({ length: 30 }, (_, index) => String(receiptKey(prefix, 10 + index))));
    damageKeys((key) => (wrong.has(String(key)) ? flipped(key, 3, 7) : key));
    const record = await load();
    expect([record.lastNumber, record.find(40)?.run, record.find(9)?.run]).toEqual([
      40,
      [40, 1, 400, 1],
      [9, 1, 90, 1],
    ]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('is told by the runs when bit %i of a number is flipped', async (bit) => {
    await publish(30, 40);
    const byte = prefix.length + 7;
    let damaged = 0;
    damageKeys((key) => (key.equals(receiptKey(prefix, damaged)) ? flipped(key, byte, bit) : key));
    for (damaged = 31; damaged <= 40; damaged += 1) {
      const record = await load();
      expect(record.lastNumber, `number ${damaged}`).toBe(40);
      for (let number = 30; number <= 40; number += 1) expect(record.find(number)?.run[2]).toBe(number * 10);
    }
  });

  it('never takes more for written than the lower of what a key and its only row say', async () => {
    await publish(5, 5);
    damageKeys((key) => flipped(key, prefix.length, 6));
    expect((await load()).lastNumber).toBe(5);
  });

  it('does not believe runs that are beyond their key and go on from nothing', async () => {
    await publish(5, 5);
    const written = (await level.get(receiptKey(prefix, 5)))!;
    await level.put(receiptKey(prefix, 3), written);
    await level.del(receiptKey(prefix, 5));
    const record = await load();
    expect([record.lastNumber, record.find(3), record.find(5)]).toEqual([3, undefined, undefined]);
  });

  it('is told by the key when the runs of a row do not go on where the row before ended', async () => {
    await publish(1, 5);
    const last = receiptKey(prefix, 5);
    const value = Buffer.from((await level.get(last))!);
    const at = value.indexOf(Buffer.from([0x94, 5, 1, 50, 1]));
    expect(at).toBeGreaterThan(0);
    value[at + 1] = 4;
    await level.put(last, value);
    const record = await load();
    expect([record.lastNumber, record.find(4)?.run, record.find(5)]).toEqual([5, [4, 1, 40, 1], undefined]);
  });

  it('takes nothing of another publisher, however near its name is', async () => {
    await publish(1, 3, 'o');
    await publish(7, 9, 'q');
    expect((await load()).lastNumber).toBe(0);
    await publish(1, 1);
    expect((await load()).lastNumber).toBe(1);
  });

  it('deletes a row that leaves the window by the key it has', async () => {
    await publish(1, 2);
    const { key, value } = { key: receiptKey(prefix, 2), value: (await level.get(receiptKey(prefix, 2)))! };
    await level.batch([
      { type: 'del', key },
      { type: 'put', key: receiptKey(prefix, 2 + 2 ** 40), value },
    ]);
    const record = await load();
    expect(record.lastNumber).toBe(2);
    record.record(log, [[3, 10_000, 1, 1]], 'disk').written();
    const { operations } = record.saveRows();
    expect(operations.slice(1).map((operation) => operation.key)).toEqual([
      receiptKey(prefix, 1),
      receiptKey(prefix, 2 + 2 ** 40),
    ]);
  });
});
