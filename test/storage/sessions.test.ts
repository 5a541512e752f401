import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Store } from '../../storage/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { storeOptions } from './store-under-test.js';

let directory: string;
let remove: () => Promise<void>;
let store: Store;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  store = await Store.open(storeOptions(directory));
  await store.endSession(await store.createSession('main', 'first'), 'enough');
  await store.createSession('other', 'first');
  await store.createSession('main', 'second');
});
afterEach(async () => {
  await store.close();
  await remove();
});

async function reopen(): Promise<void> {
  await store.close();
  store = await Store.open(storeOptions(directory));
}

function number(source: string, session: string): number | undefined {
  return store.findSession(source, session)?.log;
}

describe('the sessions of a source', () => {
  it.each([
    ['in memory', async () => {}],
    ['read back', reopen],
  ])('are found by their names, %s', async (_, prepare) => {
    await prepare();
    expect([number('main', 'first'), number('other', 'first'), number('main', 'second')]).toEqual([1, 2, 3]);
    expect([number('main', 'third'), number('other', 'second'), number('none', 'first')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(store.findSession('main', 'first')).toEqual(store.sessions('main')[0]);
  });

  it.each([
    ['in memory', async () => {}],
    ['read back', reopen],
  ])('have a newest one and an active one, %s', async (_, prepare) => {
    await prepare();
    expect([number('main', ''), number('other', ''), number('none', '')]).toEqual([3, 2, undefined]);
    expect([store.activeSession('main')?.number, store.activeSession('none')]).toEqual([3, undefined]);
    await store.endSession(store.activeSession('main')!, 'enough');
    expect([number('main', ''), store.activeSession('main')]).toEqual([3, undefined]);
    expect(store.sessions('main').map(({ session, state }) => [session, state])).toEqual([
      ['first', 'ended'],
      ['second', 'ended'],
    ]);
    await expect(store.createSession('main', 'first')).rejects.toThrow('has had a session first');
    await store.createSession('other-again', 'first');
    expect(number('other-again', '')).toBe(4);
  });
});
