import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { blockFirstSeq, blockLastSeq } from '../../protocol/index.js';
import { blocksOf, type Log, type Loss, openLevel, Store } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(() => remove());

const messages = 200;

/** A log whose messages are in a table file, closed. */
async function writeLog(): Promise<void> {
  const store = await Store.open(storeOptions(directory));
  const log = await store.createSession('main', 'first');
  const publisher = new TestPublisher(store.committer, log);
  for (let seq = 1; seq <= messages; seq += 1) await publisher.publish(texts(`message ${seq} ${'x'.repeat(1000)}`));
  await store.close();
  const level = await openLevel(directory);
  await level.close();
}

async function largestTable(): Promise<string> {
  const tables = (await readdir(directory))
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => join(directory, name));
  const sizes = await Promise.all(tables.map(async (name) => (await stat(name)).size));
  return tables[sizes.indexOf(Math.max(...sizes))]!;
}

/** Reads all of a log; every number is in a block or lost, once. */
async function readThrough(store: Store, log: Log): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (let next = 1; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    for (const block of page.stretches.flatMap(blocksOf)) {
      expect(blockFirstSeq(block)).toBeLessThanOrEqual(next);
      next = blockLastSeq(block) + 1;
    }
    if (page.lost) {
      expect(page.lost.from).toBe(next);
      losses.push(page.lost);
      next = page.lost.to + 1;
    }
    expect(page.next).toBe(next);
  }
  return losses;
}

it('finds a flipped byte of a table file, reports its message and serves the rest', async () => {
  await writeLog();
  const table = await largestTable();
  const bytes = await readFile(table);
  const at = bytes.indexOf('message 77 ') + 100;
  bytes[at]! ^= 0x01;
  await writeFile(table, bytes);
  const store = await Store.open(storeOptions(directory));
  const log = store.activeSession('main')!;
  expect(log.lastSeq).toBe(messages);
  expect(await readThrough(store, log)).toEqual([{ from: 77, to: 77, reason: 'corrupt' }]);
  await store.close();
});

it.each([0.1, 0.3, 0.5, 0.7, 0.9])(
  'always gets to the end of a log with 6000 bytes overwritten at %f of a table',
  async (share) => {
    await writeLog();
    const table = await largestTable();
    const { size } = await stat(table);
    const file = await open(table, 'r+');
    await file.write(Buffer.alloc(6000, 0xee), 0, 6000, Math.floor(size * share));
    await file.close();
    const store = await Store.open(storeOptions(directory));
    const log = store.activeSession('main')!;
    expect(log.lastSeq).toBe(messages);
    const losses = await readThrough(store, log);
    const lost = losses.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    expect(lost).toBeGreaterThan(4);
    expect(lost).toBeLessThan(40);
    await store.close();
  },
);

it('refuses to open, in one sentence, when the table with the catalogue is no table any more', async () => {
  await writeLog();
  const table = await largestTable();
  const bytes = await readFile(table);
  bytes.fill(0xee, bytes.length - 48);
  await writeFile(table, bytes);
  await expect(Store.open(storeOptions(directory))).rejects.toMatchObject({
    code: 'ERR_STORAGE_OPEN',
    message: `cannot open the data directory ${directory}: Corruption: not an sstable (bad magic number)`,
  });
});
