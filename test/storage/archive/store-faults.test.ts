import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveSession, checkSession, restoreSession } from '../../../storage/archive/index.js';
import type { Store } from '../../../storage/index.js';
import { KeyKind } from '../../../storage/keys.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { type Fault, FaultDisk } from '../fault-level.js';
import { contents, deleteOrphans, endedSession, numbered, openStore } from './stage.js';

const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];
const blocks = Array.from({ length: 9 }, (_, index) => numbered(10, 12_000, 10 * index + 1));
const kept = [['one', 'two'], ['three']];

let directory: string;
let remove: () => Promise<void>;
let path: string;
let digest: string;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
  path = join(directory, 'archive');
  const store = await openStore(directory, new FaultDisk());
  ({ digest } = (await archiveSession(store, await endedSession(store, 's', blocks), path)).index);
  await store.close();
});
afterAll(async () => {
  await Promise.all(opened.map((file) => file.close()));
  await remove();
});

/** What a restore that is killed has left open. */
const opened: fs.FileHandle[] = [];
const files = {
  ...fs,
  open: async (...args: Parameters<typeof fs.open>) => {
    const file = await fs.open(...args);
    opened.push(file);
    return file;
  },
};

/** What is in a database besides the catalogue and receipts: the logs of its blocks, and what is noted of logs. */
async function traces(disk: FaultDisk): Promise<{ logs: number[]; notes: string[] }> {
  const logs = new Set<number>();
  const notes: string[] = [];
  for await (const key of disk.level!.keys()) {
    if (key[0] === KeyKind.BLOCK) logs.add(key.readUInt32BE(1));
    if (key[0] === KeyKind.META && key.includes('/')) notes.push(key.subarray(1).toString());
  }
  return { logs: [...logs], notes: notes.filter((note) => note.startsWith('orphan')) };
}

/** The other session, of log 1, with all of its messages, and one that goes on, of log 2. */
async function prepared(disk: FaultDisk): Promise<Store> {
  const store = await openStore(directory, disk);
  await endedSession(store, 'kept', kept);
  return store;
}

/** The job is done on a disk that fails at any one of its commits; then the power goes, and `after` looks at what is there. */
async function atEveryCommit(
  fault: Fault,
  prepare: (disk: FaultDisk) => Promise<Store>,
  job: (store: Store) => Promise<unknown>,
  after: (store: Store, disk: FaultDisk, done: boolean) => Promise<void>,
): Promise<void> {
  const calm = new FaultDisk();
  const store = await prepare(calm);
  const first = calm.commits;
  await job(store);
  const last = calm.commits;
  expect(last - first).toBeGreaterThan(2);
  for (let atCommit = first; atCommit < last; atCommit += 1) {
    const disk = new FaultDisk();
    const failing = await prepare(disk);
    disk.failAt(atCommit, fault);
    const work = job(failing).then(
      () => true,
      () => false,
    );
    const done = await Promise.race([work, disk.crashed.then(() => false)]);
    disk.losePower(0);
    disk.failingOpens = 0;
    const again = await openStore(directory, disk);
    await after(again, disk, done);
    expect(await contents(again, again.log(1)!)).toEqual(kept.flat());
    await again.close();
  }
}

it('a restore whose last batch is found to be written when the database is open again is there once', async () => {
  const calm = new FaultDisk();
  await restoreSession(await prepared(calm), path);
  const disk = new FaultDisk();
  const store = await prepared(disk);
  disk.failingOpens = 0;
  disk.failAt(calm.commits - 1, 'fsync-kept');
  await restoreSession(store, path);
  expect(store.stats().reopens).toBe(1);
  expect(store.activeSession('main')).toMatchObject({ session: 'behind kept' });
  expect(store.sessions().map(({ session, state }) => [session, state])).toContainEqual(['s', 'ended']);
  expect(store.sessions()).toHaveLength(3);
  expect(await contents(store, store.log(3)!)).toEqual(blocks.flat());
  await store.close();
});

describe.each(faults)('with %s at any commit', (fault) => {
  it('a restore is there whole or leaves nothing, and can be done again', async () => {
    await atEveryCommit(
      fault,
      prepared,
      (store) => restoreSession(store, path, { files }),
      async (store, disk, done) => {
        const there = store.findSession('main', 's');
        if (done) expect(there).toBeDefined();
        const before = new Set((await traces(disk)).logs);
        await deleteOrphans(store);
        expect(await traces(disk)).toEqual({ logs: there ? [1, 3] : [1], notes: [] });
        const { log } = there ?? (await restoreSession(store, path));
        if (!there) expect(before.has(log), `log ${log} was not used before`).toBe(false);
        expect(await contents(store, store.log(log)!)).toEqual(blocks.flat());
        expect(await checkSession(store, store.log(log)!)).toMatchObject({ digest, lost: 0 });
      },
    );
  });

  it('a removed session is gone or still whole, and in the end nothing is left of it', async () => {
    await atEveryCommit(
      fault,
      async (disk) => {
        const store = await prepared(disk);
        await endedSession(store, 's', blocks);
        return store;
      },
      async (store) => {
        await store.keeping.remove(store.log(3)!);
        await deleteOrphans(store);
      },
      async (store, disk, done) => {
        const log = store.log(3)!;
        if (done) expect(log.isRemoved).toBe(true);
        if (!log.isRemoved) {
          expect(await contents(store, log)).toEqual(blocks.flat());
          await store.keeping.remove(log);
        }
        await deleteOrphans(store);
        expect(await traces(disk)).toEqual({ logs: [1], notes: [] });
        expect(store.sessions().map(({ session }) => session)).toEqual(['kept', 'behind kept', 'behind s']);
        expect(store.findSession('main', 's')).toMatchObject({ firstSeq: 91, lastSeq: 90, next: 'behind s' });
        expect((await store.publisher('main', 'p')).lastNumber, 'receipts outlast their session').toBe(11);
      },
    );
  });
});
