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
  const first = await store.createSession('main', 'first');
  await store.createSession('other', 'first');
  await store.rollSession(first, { session: 'second', reason: 'enough' });
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
  it('that are discarded are known, removed ones too, over a restart', async () => {
    for (const session of ['third', 'fourth', 'fifth']) {
      const discardReason = session === 'fourth' ? 'nonsense' : undefined;
      await store.rollSession(store.activeSession('main')!, { session, reason: 'enough', discardReason });
    }
    const logOf = (session: string) => store.log(number('main', session)!)!;
    await store.keeping.discard(logOf('first'), 'wrong prices');
    for (const session of ['first', 'second']) await store.keeping.remove(logOf(session));
    const discarded = (source?: string) =>
      store.keeping.discardedSessions(source).map(({ session, discardReason }) => [session, discardReason]);
    const expected = [
      ['first', 'wrong prices'],
      ['third', 'nonsense'],
    ];
    expect(discarded('main')).toEqual(expected);
    await reopen();
    expect([discarded('main'), discarded(), discarded('other')]).toEqual([expected, expected, []]);
  });

  it('that are relayed keep the epoch they have where they are from', async () => {
    await store.createSession('relayed', 'S1', 'e1');
    await store.rollSession(store.activeSession('relayed')!, { session: 'S2', upstreamEpoch: 'e2', reason: 'enough' });
    await store.keeping.discard(store.log(number('relayed', 'S1')!)!, 'nonsense');
    await reopen();
    expect(store.sessions('relayed').map(({ upstreamEpoch }) => upstreamEpoch)).toEqual(['e1', 'e2']);
    expect(store.sessions('main')[0]).not.toHaveProperty('upstreamEpoch');
  });

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
    const third = await store.rollSession(store.activeSession('main')!, { session: 'third', reason: 'enough' });
    expect([number('main', ''), store.activeSession('main')]).toEqual([4, third]);
    expect(store.sessions('main').map(({ session, state }) => [session, state])).toEqual([
      ['first', 'ended'],
      ['second', 'ended'],
      ['third', 'active'],
    ]);
    const again = { session: 'first', reason: 'enough' };
    await expect(store.rollSession(third, again)).rejects.toThrow('has a session first already');
    await store.createSession('other-again', 'first');
    expect(number('other-again', '')).toBe(5);
  });
});
