import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockFirstSeq, blockLastSeq, sealBlock } from '../../protocol/index.js';
import { blocksOf, type LevelHandle, openLevel, type Page } from '../../storage/index.js';
import { blockKey } from '../../storage/keys.js';
import { OpenScans } from '../../storage/open-scans.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const log = 3;
/** Three blocks of this test. */
const pageBytes = 2_500;

let level: LevelHandle;
let remove: () => Promise<void>;
let scans: OpenScans;
let opened: number;
let closed: number;
let alarms: Set<() => void>;

beforeEach(async () => {
  const place = await temporaryDirectory();
  remove = place.remove;
  level = counting(await openLevel(place.directory));
  alarms = new Set();
  scans = new OpenScans(pageBytes, (_, late) => {
    alarms.add(late);
    return () => alarms.delete(late);
  });
  for (let seq = 1; seq <= 30; seq += 1) await put(seq);
});
afterEach(async () => {
  await level.close();
  await remove();
});

/** The database, its iterators counted. */
function counting(real: LevelHandle): LevelHandle {
  opened = 0;
  closed = 0;
  const iterator = real.iterator.bind(real);
  Object.assign(real, {
    iterator: (options: object) => {
      const made = iterator(options);
      const close = made.close.bind(made);
      opened += 1;
      return Object.assign(made, {
        close: () => {
          closed += 1;
          return close();
        },
      });
    },
  });
  return real;
}

function block(seq: number): Buffer {
  return sealBlock(log, seq, 0, [texts(`${seq}`.padEnd(1_000, 'x'))]);
}

const put = (seq: number, value = block(seq)): Promise<void> => level.put(blockKey(log, seq), value);

function numbers({ stretches }: Page): number[] {
  return stretches.flatMap(blocksOf).flatMap((one) => {
    expect(blockLastSeq(one)).toBe(blockFirstSeq(one));
    return blockFirstSeq(one);
  });
}

const read = (from: number, lastSeq = 30): Promise<Page> => scans.read(level, log, from, lastSeq);

describe('scans that stay open', () => {
  it('read page after page with one iterator', async () => {
    const found: number[] = [];
    for (let next = 1; next <= 30; ) {
      const page = await read(next);
      found.push(...numbers(page));
      next = page.next;
      expect(alarms.size).toBe(next <= 30 ? 1 : 0);
    }
    expect(found).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect({ opened, closed }).toEqual({ opened: 1, closed: 1 });
  });

  it('start anew for whoever is somewhere else', async () => {
    const { next } = await read(1);
    expect(numbers(await read(20))[0]).toBe(20);
    expect(opened).toBe(2);
    expect(numbers(await read(next))[0]).toBe(next);
    expect(opened).toBe(2);
  });

  it('are closed when nobody reads on for a while, and read on all the same', async () => {
    const { next } = await read(1);
    for (const late of [...alarms]) late();
    expect({ opened, closed }).toEqual({ opened: 1, closed: 1 });
    expect(numbers(await read(next))[0]).toBe(next);
    expect(opened).toBe(2);
  });

  it('are closed after a while too when somebody is reading on', async () => {
    const reading = read(1);
    for (const late of [...alarms]) late();
    const { next } = await reading;
    expect({ opened, closed, waiting: alarms.size }).toEqual({ opened: 1, closed: 1, waiting: 0 });
    expect(numbers(await read(next))[0]).toBe(next);
    expect(opened).toBe(2);
  });

  it('are all closed when they are to let go of what they have seen, those in use behind their page', async () => {
    const { next } = await read(1);
    await read(11);
    const reading = read(next);
    await scans.retire();
    expect({ opened, closed, waiting: alarms.size }).toEqual({ opened: 2, closed: 1, waiting: 0 });
    expect(numbers(await reading)[0]).toBe(next);
    expect({ opened, closed, waiting: alarms.size }).toEqual({ opened: 2, closed: 2, waiting: 0 });
  });

  it('are four at the most: the one that was used longest ago is closed', async () => {
    const ends: number[] = [];
    for (const from of [1, 6, 11, 16, 21]) ends.push((await read(from)).next);
    expect({ opened, closed, waiting: alarms.size }).toEqual({ opened: 5, closed: 1, waiting: 4 });
    await read(ends[1]!);
    expect(opened).toBe(5);
    await read(ends[0]!);
    expect(opened).toBe(6);
  });

  it('find what was written after they were opened', async () => {
    let next = 1;
    while (next <= 28) next = (await read(next, 30)).next;
    for (const seq of [31, 32, 33, 34, 35]) await put(seq);
    const found: number[] = [];
    while (next <= 35) {
      const page = await read(next, 35);
      expect(page.lost).toBeUndefined();
      found.push(...numbers(page));
      next = page.next;
    }
    expect(found[found.length - 1]).toBe(35);
  });

  it('leave out what is not durable yet', async () => {
    expect(numbers(await read(1, 2))).toEqual([1, 2]);
    expect(closed).toBe(opened);
  });

  it('report what is damaged or missing as a single read does, and go on behind it', async () => {
    const bad = block(8);
    bad[bad.length - 1]! ^= 1;
    await put(8, bad);
    await level.del(blockKey(log, 15));
    const losses: unknown[] = [];
    const found: number[] = [];
    for (let next = 1; next <= 30; ) {
      const page = await read(next);
      found.push(...numbers(page));
      if (page.lost) losses.push(page.lost);
      next = page.next;
    }
    expect(losses).toEqual([
      { from: 8, to: 8, reason: 'corrupt' },
      { from: 15, to: 15, reason: 'missing' },
    ]);
    expect(found).toEqual(Array.from({ length: 30 }, (_, index) => index + 1).filter((seq) => seq !== 8 && seq !== 15));
  });

  it('do not read with an iterator of a database that was closed', async () => {
    const { next } = await read(1);
    await level.close();
    await level.open();
    const other = Object.create(level) as LevelHandle;
    expect(numbers(await scans.read(other, log, next, 30))[0]).toBe(next);
    expect(opened).toBe(2);
  });

  it('hold no iterator when reading fails', async () => {
    const failing = Object.assign(Object.create(level) as LevelHandle, {
      iterator: (options: object) =>
        Object.assign(level.iterator(options as never), {
          nextv: () => Promise.reject(new Error('the disk is on fire')),
        }),
    });
    await expect(scans.read(failing, log, 1, 30)).rejects.toThrow('on fire');
    expect({ opened, closed, waiting: alarms.size }).toEqual({ opened: 1, closed: 1, waiting: 0 });
  });
});
