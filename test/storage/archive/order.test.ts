import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveSession, restoreSession } from '../../../storage/archive/index.js';
import type { Store } from '../../../storage/index.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { openStore, removedBefore } from './stage.js';

let directory: string;
let remove: () => Promise<void>;
let disk: FaultDisk;
let clockMs: number;
let store: Store;
const clock = () => clockMs;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  disk = new FaultDisk();
  clockMs = 1_000_000;
  store = await openStore(directory, disk, { clock });
});
afterEach(async () => {
  await store.close();
  await remove();
});

async function restart(): Promise<void> {
  await store.close();
  store = await openStore(directory, disk, { clock });
}

const pathOf = (session: string) => join(directory, session);
const logOf = (session: string) => store.log(store.findSession('main', session)!.log)!;

/** The next session of a source begins at that time. */
async function begin(session: string, timeMs = clockMs, source = 'main'): Promise<void> {
  clockMs = timeMs;
  const active = store.activeSession(source);
  if (active) await store.rollSession(active, { session, reason: 'enough' });
  else await store.createSession(source, session);
}

const archived = (session: string) => archiveSession(store, logOf(session), pathOf(session));
const removed = (session: string) => store.keeping.remove(logOf(session));
const restored = (session: string) => restoreSession(store, pathOf(session));
const chain = () => store.sessions('main').map(({ session, next }) => (next ? `${session} then ${next}` : session));

describe('a restored session', () => {
  it('stands where its name says when others began at the same time, and never behind the active one', async () => {
    const days = ['2026112101', '2026112102', '2026112103'];
    for (const session of [...days, 'the active one']) await begin(session);
    for (const session of days) await archived(session);
    disk = new FaultDisk();
    await restart();
    await begin('today', 10);
    for (const index of [2, 0, 1]) await restored(days[index]!);
    const order = [`${days[0]} then ${days[1]}`, `${days[1]} then ${days[2]}`, `${days[2]} then today`, 'today'];
    expect(chain()).toEqual(order);
    await restart();
    expect(chain()).toEqual(order);
    expect(store.findSession('main', '')).toMatchObject({ session: 'today', state: 'active' });
  });

  it.each([
    ['began in the same millisecond as its neighbours', [1_000, 1_000, 1_000]],
    ['began after the clock had been put back', [3_000, 1_000, 2_000]],
    ['began before the clock was put back', [1_000, 3_000, 2_000]],
  ])('comes back between its neighbours although it %s', async (_, times) => {
    for (const [index, timeMs] of times.entries()) await begin(`S${index + 1}`, timeMs);
    await archived('S2');
    for (let time = 1; time <= 2; time += 1) {
      await removed('S2');
      await restored('S2');
      expect(chain()).toEqual(['S1 then S2', 'S2 then S3', 'S3']);
      await restart();
      expect(chain(), 'after a restart').toEqual(['S1 then S2', 'S2 then S3', 'S3']);
    }
  });

  it('stays in front of the one that was active then, though that began earlier and is restored itself', async () => {
    await begin('later', 5_000);
    await begin('the active one');
    await archived('later');
    disk = new FaultDisk();
    await restart();
    await begin('today', 1_000);
    await restored('later');
    await begin('tomorrow');
    await archived('today');
    await removed('today');
    await restored('today');
    expect(chain()).toEqual(['later then today', 'today then tomorrow', 'tomorrow']);
    await restart();
    expect(chain()).toEqual(['later then today', 'today then tomorrow', 'tomorrow']);
  });

  it('stands in front of the first session of its source, which begins at the same time', async () => {
    const first = store.createSession('main', 'first');
    while (!store.sessionNames('main').includes('first')) await Promise.resolve();
    expect(store.activeSession('main')).toBeUndefined();
    const findings = { bytes: 0, digest: '', lost: 0, losses: [] };
    const facts = { source: 'main', session: 'old', createdMs: 1, endedMs: 2, reason: 'enough', lastSeq: 0, findings };
    const restoring = await store.keeping.restore(facts);
    await Promise.all([first, restoring.finish()]);
    expect(chain()).toEqual(['old then first', 'first']);
    expect(store.findSession('main', '')).toMatchObject({ session: 'first', state: 'active' });
  });

  it('is still not to be used when that was said after it was archived and removed', async () => {
    await begin('bad');
    await begin('active');
    await archived('bad');
    await removed('bad');
    await store.keeping.discard(logOf('bad'), 'nonsense');
    await restored('bad');
    expect(store.findSession('main', 'bad')).toMatchObject({ discarded: true, discardReason: 'nonsense' });
    await restart();
    expect(store.findSession('main', 'bad')).toMatchObject({ discarded: true, discardReason: 'nonsense' });
  });

  it('that was relayed is known by the epoch of the one it was relayed from', async () => {
    await store.createSession('main', 'S1', 'e1');
    await begin('S2');
    await archived('S1');
    await removed('S1');
    await restored('S1');
    expect(store.findSession('main', 'S1')).toMatchObject({ upstreamEpoch: 'e1', restoredMs: clockMs });
    await restart();
    expect(store.findSession('main', 'S1')).toMatchObject({ upstreamEpoch: 'e1', restoredMs: clockMs });
  });

  it('is not to be used, or whoever says so hears that it is another one now', async () => {
    await begin('bad');
    await begin('active');
    await archived('bad');
    await removed('bad');
    const known = logOf('bad');
    const restoring = restored('bad');
    const discards = [];
    while (!store.sessions('main').some(({ session }) => session === 'bad')) {
      discards.push(store.keeping.discard(known, `reason ${discards.length}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await restoring;
    discards.push(store.keeping.discard(known, 'too late'));
    const outcomes = await Promise.allSettled(discards);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'ERR_SESSION_REMOVED' } });
    expect(store.findSession('main', 'bad')).toMatchObject({ discardReason: 'reason 0' });
    await restart();
    expect(store.findSession('main', 'bad')).toMatchObject({ discardReason: 'reason 0' });
    expect(chain()).toEqual(['bad then active', 'active']);
  });
});

describe('the sessions of a source', () => {
  it('are in their order in the catalogue of all sources too, though the clock was put back', async () => {
    await begin('a1', 5_000);
    await begin('b1', 4_000, 'other');
    await begin('a2', 1_000);
    await begin('b2', 6_000, 'other');
    expect(store.sessions().map(({ session }) => session)).toEqual(['b1', 'a1', 'a2', 'b2']);
  });

  it('that are discarded are in that order too, removed ones among them', async () => {
    for (const [index, timeMs] of [3_000, 1_000, 2_000, 2_500].entries()) await begin(`S${index + 1}`, timeMs);
    await begin('other', 2_000, 'other');
    for (const session of ['S1', 'S2', 'S3']) await store.keeping.discard(logOf(session), 'nonsense');
    await removed('S2');
    const discarded = () =>
      store.keeping.discardedSessions('main').map(({ session, next }) => `${session} then ${next}`);
    expect(discarded()).toEqual(['S1 then S2', 'S2 then S3', 'S3 then S4']);
    expect(store.keeping.discardedSessions().map(({ session }) => session)).toEqual(['S1', 'S2', 'S3']);
    await restart();
    expect(discarded()).toEqual(['S1 then S2', 'S2 then S3', 'S3 then S4']);
  });

  it('are forgotten in the order in which they were removed, though the clock was put back', async () => {
    await store.close();
    await removedBefore(
      disk,
      Array.from({ length: 999 }, (_, index) => `removed ${index + 1}`),
    );
    await restart();
    await begin('a', 10);
    await begin('b');
    await begin('active');
    await removed('a');
    await removed('b');
    expect(store.findSession('main', 'removed 1')).toBeUndefined();
    for (const session of ['removed 2', 'a', 'b']) expect(store.findSession('main', session)).toBeDefined();
    const times = ['removed 999', 'a', 'b'].map((session) => store.findSession('main', session)!.removedMs!);
    expect(times).toEqual([1_998, 1_999, 2_000]);
  });
});
