import { MemoryLevel } from 'memory-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits, type ReceiptRun } from '../../protocol/index.js';
import { type LevelHandle, type Operation, PublisherRecord } from '../../storage/index.js';

const log = { number: 4, session: 'first', epoch: 'e1' };
let level: LevelHandle;
const nowMs = 1000;

beforeEach(() => {
  level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
});
afterEach(() => level.close());

function load(publisher = 'p', source = 'main'): Promise<PublisherRecord> {
  return PublisherRecord.load(level, source, publisher, () => nowMs);
}

/** Put on record and in a row. @returns what was written for that */
async function commit(record: PublisherRecord, ...runs: ReceiptRun[]): Promise<Operation[]> {
  record.record(log, runs, 'disk').written();
  const { operations } = record.saveRows();
  await level.batch(operations);
  return operations;
}

describe("a publisher's record", () => {
  it('is empty for a publisher that is not known', async () => {
    const record = await load();
    expect([record.lastNumber, record.find(1)]).toEqual([0, undefined]);
  });

  it('finds each publish of a run, in memory and read back', async () => {
    const record = await load();
    await commit(record, [1, 3, 10, 2], [4, 1, 16, 5]);
    await commit(record, [5, 2, 2 ** 40, 1]);
    const common = { session: 'first', epoch: 'e1', log: 4, durability: 'disk' };
    for (const one of [record, await load()]) {
      expect(one.lastNumber).toBe(6);
      expect(one.find(1)).toEqual({ ...common, run: [1, 1, 10, 2] });
      expect(one.find(3)).toEqual({ ...common, run: [3, 1, 14, 2] });
      expect(one.find(4)).toEqual({ ...common, run: [4, 1, 16, 5] });
      expect(one.find(6)).toEqual({ ...common, run: [6, 1, 2 ** 40 + 1, 1] });
      expect(one.find(7)).toBeUndefined();
      expect(one.find(0)).toBeUndefined();
    }
  });

  it('knows no publish before its first number', async () => {
    const record = await load();
    await commit(record, [100, 1, 1, 1]);
    expect(record.find(99)).toBeUndefined();
  });

  it('forgets what was discarded', async () => {
    const record = await load();
    record.record(log, [[1, 1, 1, 1]], 'disk').discarded();
    expect(record.lastNumber).toBe(0);
    await commit(record, [1, 1, 1, 1]);
    expect(record.lastNumber).toBe(1);
  });

  it('has one block outstanding and takes numbers in order', async () => {
    const record = await load();
    await commit(record, [1, 2, 1, 1]);
    expect(() => record.record(log, [[2, 1, 3, 1]], 'disk')).toThrow('publish 2 is not behind 2');
    record.record(log, [[3, 1, 3, 1]], 'disk');
    expect(() => record.record(log, [[4, 1, 4, 1]], 'disk')).toThrow('one block of a publisher');
  });

  it('keeps a window of publishes and deletes the rows that have left it', async () => {
    const window = limits.publishesInFlightMax;
    const record = await load();
    await commit(record, [1, 1, 1, 1]);
    await commit(record, [2, window - 1, 2, 1]);
    expect(record.find(1)?.run).toEqual([1, 1, 1, 1]);
    const operations = await commit(record, [window + 1, 1, window + 1, 1]);
    expect(operations.map(({ type }) => type)).toEqual(['put', 'del']);
    for (const one of [record, await load()]) {
      expect(one.find(1)).toBeUndefined();
      expect(one.find(2)?.run).toEqual([2, 1, 2, 1]);
    }
    await commit(record, [window + 2, 1, window + 2, 1]);
    expect(record.find(2)).toBeUndefined();
    expect((await level.keys().all()).length).toBe(3);
  });

  it('makes one row of all that came together since the last one', async () => {
    const record = await load();
    for (const number of [1, 2, 3]) record.record(log, [[number, 1, number, 1]], 'disk').written();
    record.record({ ...log, number: 5, session: 'second' }, [[4, 1, 1, 1]], 'disk').written();
    const { operations } = record.saveRows();
    expect(operations).toHaveLength(2);
    await level.batch(operations);
    expect([record.unsaved, record.saveRows().operations]).toEqual([false, []]);
    const loaded = await load();
    expect([1, 2, 3, 4].map((number) => [loaded.find(number)?.session, loaded.find(number)?.run[2]])).toEqual([
      ['first', 1],
      ['first', 2],
      ['first', 3],
      ['second', 1],
    ]);
  });

  it('has no row of more than a window of publishes beside those of a block', async () => {
    const window = limits.publishesInFlightMax;
    const record = await load();
    for (const number of [1, window + 1, 2 * window + 1]) {
      record.record(log, [[number, window, number, 1]], 'disk').written();
    }
    const { operations } = record.saveRows();
    expect(operations).toHaveLength(1);
    expect(record.find(2 * window)).toBeUndefined();
    expect(record.find(2 * window + 1)?.run[2]).toBe(2 * window + 1);
  });

  it('writes again what could not be written', async () => {
    const record = await load();
    await commit(record, [1, 1, 1, 1]);
    record.record(log, [[2, limits.publishesInFlightMax, 2, 1]], 'disk').written();
    const { operations, failed } = record.saveRows();
    record.record(log, [[limits.publishesInFlightMax + 2, 1, limits.publishesInFlightMax + 2, 1]], 'disk').written();
    failed();
    expect(record.unsaved).toBe(true);
    const again = record.saveRows().operations;
    expect(again).toHaveLength(3);
    for (const { type, key } of operations) {
      expect(again.some((other) => other.type === type && other.key.equals(key))).toBe(true);
    }
  });

  it('leaves receipts alone that are on record already', async () => {
    const record = await load();
    await commit(record, [1, 3, 1, 1]);
    const row = { log: 4, session: 'first', epoch: 'e1', durability: 'disk', timeMs: nowMs } as const;
    record.takeIn({ ...row, runs: [[2, 2, 2, 1]] });
    expect([record.lastNumber, record.unsaved]).toEqual([3, false]);
    record.takeIn({ ...row, runs: [[4, 1, 4, 1]] });
    expect([record.lastNumber, record.unsaved, record.find(4)?.run]).toEqual([4, true, [4, 1, 4, 1]]);
  });

  it('is not mixed up with others whose names run together', async () => {
    await commit(await load('bc', 'a'), [1, 1, 1, 1]);
    await commit(await load('b', 'a'), [7, 1, 1, 1]);
    expect((await load('c', 'ab')).lastNumber).toBe(0);
    expect((await load('b', 'a')).lastNumber).toBe(7);
    expect((await load('bc', 'a')).lastNumber).toBe(1);
    expect((await load('bcd', 'a')).lastNumber).toBe(0);
  });

  it.each([
    ['no msgpack', Buffer.from([0xc1, 0xff])],
    ['something else', Buffer.from([0x01])],
  ])('still knows how far publishes were taken when a row is %s', async (_, damaged) => {
    const [row] = await commit(await load(), [1, 5, 1, 1]);
    await level.put(row!.key, damaged);
    const record = await load();
    expect([record.lastNumber, record.find(3)]).toEqual([5, undefined]);
    await commit(record, [6, 1, 6, 1]);
    expect((await load()).find(6)?.run).toEqual([6, 1, 6, 1]);
  });
});
