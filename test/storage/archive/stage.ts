import { readFile, writeFile } from 'node:fs/promises';
import { blockPayloads, decodePayloads, splitBlocks } from '../../../protocol/index.js';
import { catalogueWrite } from '../../../storage/catalogue.js';
import { type Log, Store, type StoreOptions } from '../../../storage/index.js';
import { writeBatch } from '../../../storage/level.js';
import { cutStretch } from '../../../storage/stretch.js';
import { texts } from '../../support/payloads.js';
import type { FaultDisk } from '../fault-level.js';
import { endSession, storeOptions, TestPublisher } from '../store-under-test.js';

/** Open a store whose database is in memory, on a disk that survives it. */
export function openStore(directory: string, disk: FaultDisk, more: Partial<StoreOptions> = {}): Promise<Store> {
  return Store.open(
    storeOptions(directory, { openLevel: disk.openLevel, freeBytes: async () => 2 ** 40, backoffMs: () => 0, ...more }),
  );
}

/** A session with these blocks that has ended; the active one is the one behind it. */
export async function endedSession(
  store: Store,
  session: string,
  blocks: readonly (readonly string[])[],
  source = 'main',
): Promise<Log> {
  const active = store.activeSession(source);
  const log = active
    ? await store.rollSession(active, { session, reason: 'enough' })
    : await store.createSession(source, session);
  const publisher = new TestPublisher(store.committer, log, await store.publisher(source, 'p'));
  for (const block of blocks) await publisher.publish(texts(...block));
  await endSession(store, log, 'enough', `behind ${session}`);
  return log;
}

/** What a reader gets of a log: its messages, and a line for each loss. */
export async function contents(store: Store, log: Log): Promise<string[]> {
  const found: string[] = [];
  for (let next = 1; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    const blocks = page.stretches.flatMap((stretch) =>
      cutStretch(stretch, Math.max(next, stretch.firstSeq), stretch.lastSeq).flatMap(
        (bytes) => splitBlocks(bytes).blocks,
      ),
    );
    for (const block of blocks) {
      for (const payload of decodePayloads(blockPayloads(block).bytes)) {
        found.push(String(payload));
        next += 1;
      }
    }
    if (page.lost) found.push(`${page.lost.from}..${page.lost.to} ${page.lost.reason}`);
    next = page.next;
  }
  return found;
}

/** Delete what belongs to no session, until nothing does. */
export async function deleteOrphans(store: Store): Promise<void> {
  for (;;) if (!(await store.keeping.deleteOrphansOnce())) return;
}

/** Sessions that were removed, longest ago first, a millisecond apart: on a disk that has no others. */
export async function removedBefore(disk: FaultDisk, sessions: readonly string[]): Promise<void> {
  const facts = { source: 'main', epoch: 'e', createdMs: 1, lastSeq: 0, ended: { atMs: 2, reason: 'enough' } };
  const lines = sessions.map((session, index) =>
    catalogueWrite(index + 1, { ...facts, session, removedMs: 1_000 + index }),
  );
  await writeBatch(await disk.openLevel(), lines, true);
}

/** Turn one bit of a file around. */
export async function flipBit(path: string, byte: number, bit = 0): Promise<void> {
  const bytes = await readFile(path);
  bytes[byte]! ^= 1 << bit;
  await writeFile(path, bytes);
}

/** `count` different texts of about that length. */
export function numbered(count: number, length: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`.padEnd(length, '.'));
}
