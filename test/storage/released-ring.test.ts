import { expect, it } from 'vitest';
import { blockFirstSeq } from '../../protocol/index.js';
import { blocksOf, Store } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { endSession, storeOptions, TestPublisher } from './store-under-test.js';

it('an ended session whose ring was given back is read from the database, and is coalesced', async () => {
  const { directory, remove } = await temporaryDirectory();
  const store = await Store.open(storeOptions(directory));
  const log = await store.createSession('main', 'first');
  const publisher = new TestPublisher(store.committer, log);
  for (const text of ['a', 'b', 'c']) await publisher.publish(texts(text));
  await endSession(store, log);
  expect(store.stats().ringBytes).toBeGreaterThan(0);
  log.releaseRing();
  expect(store.stats().ringBytes).toBe(0);
  expect(log.ring.has(1)).toBe(false);
  const before = (await store.read(log.number, 1, 3)).stretches.flatMap(blocksOf);
  expect(before.map(blockFirstSeq)).toEqual([1, 2, 3]);
  expect(await store.coalesceOnce()).toBe(true);
  expect(store.summary(log)).toMatchObject({ state: 'ended', firstSeq: 1, lastSeq: 3 });
  await store.close();
  const again = await Store.open(storeOptions(directory));
  expect((await again.read(log.number, 1, 3)).stretches.flatMap(blocksOf)).toEqual(before);
  await again.close();
  await remove();
});
