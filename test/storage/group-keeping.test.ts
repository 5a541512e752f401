import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockFirstSeq, blockLastSeq } from '../../protocol/index.js';
import { blocksOf, type Log, memberDeletion, memberWrite, Store, type StoreOptions } from '../../storage/index.js';
import type { MemberRow } from '../../storage/member-row.js';
import { texts } from '../support/payloads.js';
import { Random } from '../support/random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { storeOptions } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(() => remove());

const small: Partial<StoreOptions> = { ringBytesMax: 1, durability: 'os' };

/** Write one block of so many messages, with that time. */
async function append(store: Store, log: Log, count: number, timeMs: number): Promise<void> {
  const { block, key, value } = log.seal([texts(...Array.from({ length: count }, () => 'x'))], timeMs);
  await store.committer.write([{ type: 'put', key, value }], 'os');
  expect(blockLastSeq(block)).toBeGreaterThanOrEqual(blockFirstSeq(block));
  log.written();
}

/** All that is left of a log, as a reader is told it. */
async function readAll(store: Store, log: Log): Promise<string[]> {
  const found: string[] = [];
  for (let from = 1; from <= log.lastSeq; ) {
    const page = await store.read(log.number, from, log.lastSeq);
    for (const block of page.stretches.flatMap(blocksOf)) {
      if (blockLastSeq(block) >= from) found.push(`${Math.max(from, blockFirstSeq(block))}..${blockLastSeq(block)}`);
    }
    if (page.lost) found.push(`${page.lost.reason} ${page.lost.from}..${page.lost.to}`);
    from = page.next;
  }
  return found;
}

describe('the first message since a time', () => {
  it('is found in every log, wherever its blocks are and however they are stored', { timeout: 60_000 }, async () => {
    const random = new Random();
    console.log(`first since: SEED=${random.seed}`);
    const store = await Store.open(storeOptions(directory, small));
    for (let run = 0; run < 12; run += 1) {
      const log = await store.createSession(`s${run}`, 'S1');
      const times: number[] = [];
      let timeMs = 100;
      const blocks = random.integer(0, 60);
      for (let block = 0; block < blocks; block += 1) {
        if (block === 40) while (await store.coalesceOnce());
        const count = random.integer(1, 4);
        timeMs += random.integer(0, 3);
        await append(store, log, count, timeMs);
        for (let message = 0; message < count; message += 1) times.push(timeMs);
      }
      for (let since = 99; since <= timeMs + 1; since += 1) {
        const from = random.integer(1, times.length + 1);
        const expected = times.findIndex((time, index) => index >= from - 1 && time >= since);
        const found = await store.groups.firstSince(log, from, since);
        expect(found, `run ${run}: since ${since} from ${from}`).toBe(
          expected === -1 ? times.length + 1 : expected + 1,
        );
      }
    }
    await store.close();
  });

  it('is the next readable one’s where a block is damaged', async () => {
    const disk = new FaultDisk();
    const store = await Store.open(storeOptions(directory, { ...small, openLevel: disk.openLevel }));
    const log = await store.createSession('s', 'S1');
    for (const timeMs of [10, 20, 30, 40]) await append(store, log, 1, timeMs);
    const entries = await disk.level!.iterator().all();
    const [key, value] = entries.find(([, found]) => found.length > 40 && blockFirstSeq(found) === 2)!;
    const damaged = Buffer.from(value);
    damaged[40]! ^= 1;
    await disk.level!.put(key, damaged);
    expect(await store.groups.firstSince(log, 1, 15)).toBe(2);
    expect(await store.groups.firstSince(log, 1, 25)).toBe(2);
    expect(await store.groups.firstSince(log, 1, 31)).toBe(4);
    await store.close();
  });
});

describe('a log that is trimmed', () => {
  it('tells who asks for it what has expired, and deletes it, but for the value that knows number and time', async () => {
    const store = await Store.open(storeOptions(directory, small));
    const log = await store.createSession('s', 'S1');
    for (let block = 0; block < 5; block += 1) await append(store, log, 2, 100 + block);
    await store.groups.trim(log, 4, 0, () => []);
    expect(await readAll(store, log)).toEqual(['expired 1..3', '4..4', '5..6', '7..8', '9..10']);
    expect(store.summary(log)).toMatchObject({ firstSeq: 4, lastSeq: 10 });
    await store.groups.trim(log, 11, 200, () => []);
    while (await store.groups.deleteTrimmedOnce());
    expect(await readAll(store, log)).toEqual(['expired 1..10']);
    await store.close();
    const again = await Store.open(storeOptions(directory, small));
    const reopened = again.activeSession('s')!;
    expect(reopened).toMatchObject({ firstSeq: 11, lastSeq: 10, timeMs: 200, isTrimmed: true });
    expect(await again.groups.firstSince(reopened, 1, 0)).toBe(11);
    await append(again, reopened, 1, 50);
    expect(await readAll(again, reopened)).toEqual(['expired 1..10', '11..11']);
    expect(reopened.timeMs).toBe(200);
    await again.close();
  });

  it('stays as it is when its small blocks are put together meanwhile', async () => {
    const store = await Store.open(storeOptions(directory, small));
    const log = await store.createSession('s', 'S1');
    for (let block = 0; block < 50; block += 1) await append(store, log, 1, 100);
    const coalescing = store.coalesceOnce();
    await store.groups.trim(log, 30, 0, () => []);
    const deleting = store.groups.deleteTrimmedOnce();
    await Promise.all([coalescing, deleting]);
    while (await store.coalesceOnce());
    while (await store.groups.deleteTrimmedOnce());
    const found = await readAll(store, log);
    expect(found[0]).toBe('expired 1..29');
    expect(found.slice(1)).toEqual(Array.from({ length: 21 }, (_, index) => `${30 + index}..${30 + index}`));
    await store.close();
  });

  const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];
  it.each(faults)('loses nothing behind its front at any commit: %s', async (fault) => {
    for (let commit = 0; commit < 4; commit += 1) {
      const disk = new FaultDisk();
      const options = storeOptions(directory, {
        ...small,
        openLevel: disk.openLevel,
        backoffMs: () => 0,
        freeBytes: async () => 2 ** 40,
      });
      const store = await Store.open(options);
      const log = await store.createSession('s', 'S1');
      for (let block = 0; block < 5; block += 1) await append(store, log, 1, 100);
      disk.failAt(disk.commits + commit, fault);
      await Promise.race([trimTwice(store, log), disk.crashed]);
      if (!fault.startsWith('crash')) await store.close();
      const again = await Store.open(options);
      const reopened = again.activeSession('s')!;
      const { firstSeq } = reopened;
      const [member] = await again.groups.members('s');
      expect([1, 3, 5]).toContain(firstSeq);
      expect(member?.cursor ?? 1).toBe(firstSeq);
      const kept = Array.from({ length: 6 - firstSeq }, (_, index) => `${firstSeq + index}..${firstSeq + index}`);
      expect(await readAll(again, reopened)).toEqual(firstSeq > 1 ? [`expired 1..${firstSeq - 1}`, ...kept] : kept);
      await again.close();
    }
  });
});

/** Trim a log of five messages to 3 and to 5, each with a row, and delete what is in front; a step that fails is left out. */
async function trimTwice(store: Store, log: Log): Promise<void> {
  for (const firstSeq of [3, 5]) {
    for (const step of [
      () => store.groups.trim(log, firstSeq, 100, () => [memberWrite('s', row({ cursor: firstSeq }))]),
      () => store.groups.deleteTrimmedOnce(),
    ]) {
      await step().catch((error) => expect(error).toMatchObject({ code: 'ERR_NOT_WRITTEN' }));
      await store.ready();
    }
  }
}

const row = (more: Partial<MemberRow> = {}): MemberRow => ({
  participant: 'ada',
  cursor: 0,
  joinedMs: 1,
  seenMs: 1,
  isAway: false,
  ...more,
});

describe('participants on record', () => {
  it('are those of their own group, in the order in which they were registered', async () => {
    const store = await Store.open(storeOptions(directory));
    const rows = [row({ joinedMs: 2 }), row({ participant: 'zoe' }), row({ participant: 'é'.repeat(32), joinedMs: 3 })];
    const others = [memberWrite('ss', row()), memberWrite('a', row({ participant: 'ben' }))];
    await store.committer.write([...rows.map((one) => memberWrite('s', one)), ...others], 'disk');
    expect(await store.groups.members('s')).toEqual([rows[1], rows[0], rows[2]]);
    expect(await store.groups.member('s', 'zoe')).toEqual(rows[1]);
    await store.committer.write([memberDeletion('s', 'zoe')], 'disk');
    expect(await store.groups.member('s', 'zoe')).toBeUndefined();
    expect(await store.groups.members('none')).toEqual([]);
    await store.close();
  });
});
