import { expect, it } from 'vitest';
import { encodePayloads } from '../../protocol/index.js';
import { type LevelHandle, type Log, openLevel, Store } from '../../storage/index.js';
import { blockKey, blocksEnd } from '../../storage/keys.js';
import { storeOptions, TestPublisher } from '../storage/store-under-test.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** More than LevelDB keeps outside of tables. */
const blocks = 100;
const blockBytes = 250_000;

it('the room of a removed session is given back while another one is being read', async () => {
  const { directory, remove } = await temporaryDirectory();
  let level!: LevelHandle;
  const options = storeOptions(directory, {
    durability: 'os',
    pageCacheBytesMax: 0,
    openLevel: async (place) => {
      level = await openLevel(place);
      return level;
    },
  });
  const store = await Store.open(options);
  const sessions: Log[] = [];
  let log = await store.createSession('main', 'removed');
  for (const session of ['read', 'active']) {
    const publisher = new TestPublisher(store.committer, log);
    for (let block = 0; block < blocks; block += 1) {
      await publisher.publish(encodePayloads([Buffer.alloc(blockBytes, block)]));
    }
    sessions.push(log);
    log = await store.rollSession(log, { session, reason: 'over' });
  }
  const [removed, read] = sessions as [Log, Log];
  const { next } = await store.read(read.number, 1, blocks);
  await store.keeping.remove(removed);
  for (let from = next; await store.keeping.deleteOrphansOnce(); ) {
    ({ next: from } = await store.read(read.number, from, blocks));
  }
  const range = [blockKey(removed.number, 0), blocksEnd(removed.number)] as [Buffer, Buffer];
  const { approximateSize } = level as unknown as { approximateSize(from: Buffer, to: Buffer): Promise<number> };
  expect(await approximateSize.apply(level, range)).toBe(0);
  await store.close();
  await remove();
});
