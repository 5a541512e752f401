import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockPayloads, decodePayloads, sliceBlock } from '../../protocol/index.js';
import { blocksOf, type Log, Store, type StoreOptions } from '../../storage/index.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;
const stores: Store[] = [];

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await remove();
});

async function open(more: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await Store.open(storeOptions(directory, more));
  stores.push(store);
  return store;
}

async function readAll(store: Store, log: Log, from: number): Promise<string[]> {
  const found: string[] = [];
  for (let next = from; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    expect(page.next).toBeGreaterThan(next);
    for (const block of page.stretches.flatMap(blocksOf)) {
      const part = found.length === 0 ? sliceBlock(block, next) : block;
      found.push(...[...decodePayloads(blockPayloads(part).bytes)].map(String));
    }
    next = page.next;
  }
  return found;
}

describe('a store', () => {
  it('numbers what is published from 1 and serves it from any number', async () => {
    const store = await open();
    const log = await store.createSession('main', 'first');
    const publisher = new TestPublisher(store.committer, log);
    const outcomes = await Promise.all([publisher.publish(texts('a', 'b', 'c')), publisher.publish(texts('d'))]);
    expect(outcomes.map(({ firstSeq, lastSeq, durability }) => [firstSeq, lastSeq, durability])).toEqual([
      [1, 3, 'disk'],
      [4, 4, 'disk'],
    ]);
    expect(log.lastSeq).toBe(4);
    expect(log.ring.firstSeq).toBe(1);
    expect(await readAll(store, log, 1)).toEqual(['a', 'b', 'c', 'd']);
    expect(await readAll(store, log, 3)).toEqual(['c', 'd']);
  });

  it('goes on behind the last number of the log when it is opened again', async () => {
    const first = await open();
    const before = await first.createSession('main', 'first');
    await new TestPublisher(first.committer, before).publish(texts('a', 'b'));
    await first.close();
    const store = await open();
    const log = store.activeSession('main')!;
    expect([log.session, log.epoch, log.firstSeq, log.lastSeq, log.nextSeq]).toEqual(['first', before.epoch, 1, 2, 3]);
    expect(await new TestPublisher(store.committer, log).publish(texts('c'))).toMatchObject({
      firstSeq: 3,
      lastSeq: 3,
    });
    expect(await readAll(store, log, 1)).toEqual(['a', 'b', 'c']);
  });

  it('says in one sentence that another server has its directory', async () => {
    await open();
    await expect(Store.open(storeOptions(directory))).rejects.toMatchObject({
      code: 'ERR_DIRECTORY_IN_USE',
      message: `another server has the data directory ${directory} open`,
    });
  });

  it('says why a directory cannot be opened', async () => {
    await expect(Store.open(storeOptions('/dev/null/log'))).rejects.toMatchObject({ code: 'ERR_STORAGE_OPEN' });
  });

  it('keeps the catalogue of ended sessions', async () => {
    const store = await open();
    const log = await store.createSession('main', 'first');
    await new TestPublisher(store.committer, log).publish(texts('a'));
    const second = await store.rollSession(log, { session: 'second', reason: 'enough' });
    const summary = store.summary(log);
    expect(summary).toMatchObject({ state: 'ended', reason: 'enough', lastSeq: 1, session: 'first' });
    expect(log.state).toBe('ended');
    const other = await store.createSession('other', 'first');
    const sessions = store.sessions();
    expect(sessions.map(({ source, session, log: number }) => [source, session, number])).toEqual([
      ['main', 'first', log.number],
      ['main', 'second', second.number],
      ['other', 'first', other.number],
    ]);
    await store.close();
    const again = await open();
    expect(again.sessions()).toEqual(sessions);
    expect(again.sessions('other')).toEqual(sessions.slice(2));
    expect(await readAll(again, again.log(log.number)!, 1)).toEqual(['a']);
  });

  it('does not let a source have two active sessions, nor a session twice', async () => {
    const store = await open();
    const log = await store.createSession('main', 'first');
    await expect(store.createSession('main', 'second')).rejects.toThrow('has an active session');
    const next = await store.rollSession(log, { session: 'second', reason: 'enough' });
    const again = { session: 'first', reason: 'enough' };
    await expect(store.rollSession(next, again)).rejects.toThrow('has a session first already');
  });

  it('refuses everything once it is closed', async () => {
    const store = await open();
    await store.createSession('main', 'first');
    await store.close();
    expect(store.unavailable()?.code).toBe('ERR_STORAGE_CLOSED');
    await expect(store.ready()).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' });
    await expect(store.committer.write([{ type: 'del', key: Buffer.from('x') }], 'os')).rejects.toMatchObject({
      code: 'ERR_STORAGE_CLOSED',
    });
  });

  it('refuses to read what the log does not hold', async () => {
    const store = await open();
    const log = await store.createSession('main', 'first');
    await expect(store.read(log.number, 1, 1)).rejects.toThrow(RangeError);
    await expect(store.read(99, 1, 1)).rejects.toThrow('there is no log 99');
  });
});
