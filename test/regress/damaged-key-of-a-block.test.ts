import { expect, it, onTestFinished } from 'vitest';
import { openLevel, Store } from '../../storage/index.js';
import { blockKey } from '../../storage/keys.js';
import { storeOptions, TestPublisher } from '../storage/store-under-test.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Three messages in blocks of their own, the second under a key that says it ends at another number. */
async function damaged(number: number): Promise<Store> {
  const { directory, remove } = await temporaryDirectory();
  const store = await Store.open(storeOptions(directory));
  const log = await store.createSession('main', 'first');
  const publisher = new TestPublisher(store.committer, log);
  for (const text of ['a', 'b', 'c']) await publisher.publish(texts(text));
  await store.close();
  const level = await openLevel(directory);
  const key = blockKey(log.number, 2);
  const value = (await level.get(key))!;
  await level.batch([
    { type: 'del', key },
    { type: 'put', key: blockKey(log.number, number), value },
  ]);
  await level.close();
  const again = await Store.open(storeOptions(directory));
  onTestFinished(async () => {
    await again.close();
    await remove();
  });
  return again;
}

it('takes the last number from a whole block, whatever its key says', async () => {
  const store = await damaged(2 + 2 ** 20);
  expect(store.activeSession('main')).toMatchObject({ lastSeq: 3, nextSeq: 4 });
});

it('is not led back by a damaged key that sorts last', async () => {
  const store = await damaged(4);
  expect(store.activeSession('main')).toMatchObject({ lastSeq: 3, nextSeq: 4 });
});
