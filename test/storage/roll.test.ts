import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, Store, type StoreOptions } from '../../storage/index.js';
import { readMs } from '../../storage/page-reader.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { storeOptions, TestPublisher } from './store-under-test.js';

const deadlineMs = 12_345;
const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];

let directory: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterEach(() => remove());

function options(disk: FaultDisk, more: Partial<StoreOptions> = {}): StoreOptions {
  const { openLevel } = disk;
  const common = { openLevel, outcomeDeadlineMs: deadlineMs, wait: untilAborted };
  return storeOptions(directory, { ...common, freeBytes: async () => 2 ** 40, ...more });
}

/** The back-off takes no time; the deadlines for an outcome and for a read are not reached. */
function untilAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (ms !== deadlineMs && ms !== readMs) return Promise.resolve();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

async function retried<T>(job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    return await job();
  }
}

describe('a roll', () => {
  it('ends a session and starts the next one in one batch', async () => {
    const disk = new FaultDisk();
    const store = await Store.open(options(disk));
    const log = await store.createSession('main', 'S1');
    await new TestPublisher(store.committer, log).publish(texts('a', 'b'));
    const before = disk.commits;
    const next = await store.rollSession(log, { session: 'S2', reason: 'closed' });
    expect(disk.commits - before).toBe(1);
    expect([log.state, next.state, store.activeSession('main')]).toEqual(['ended', 'active', next]);
    expect(store.sessions('main')).toMatchObject([
      { session: 'S1', state: 'ended', lastSeq: 2, reason: 'closed', next: 'S2' },
      { session: 'S2', state: 'active', lastSeq: 0 },
    ]);
    expect(store.sessions('main')[0]).not.toHaveProperty('discarded');
    expect(next.epoch).not.toBe(log.epoch);
    await store.close();
  });

  it('is there after a start, with the mark of a session that was discarded', async () => {
    const disk = new FaultDisk();
    const first = await Store.open(options(disk));
    const log = await first.createSession('main', 'S1');
    await first.rollSession(log, { session: 'S2', reason: 'closed', discardReason: 'nonsense' });
    const summaries = first.sessions('main');
    await first.close();
    const store = await Store.open(options(disk));
    expect(store.sessions('main')).toEqual(summaries);
    expect(summaries).toMatchObject([
      { discarded: true, reason: 'closed', discardReason: 'nonsense', next: 'S2' },
      { state: 'active' },
    ]);
    await store.close();
  });

  it('takes no name a second time, and leaves the session as it is then', async () => {
    const store = await Store.open(options(new FaultDisk()));
    const log = await store.createSession('main', 'S1');
    await expect(store.rollSession(log, { session: 'S1', reason: 'closed' })).rejects.toThrow(
      'has a session S1 already',
    );
    expect(log.state).toBe('active');
    await store.close();
  });

  it('keeps the receipts of both sessions', async () => {
    const disk = new FaultDisk();
    const first = await Store.open(options(disk));
    const log = await first.createSession('main', 'S1');
    const record = await first.publisher('main', 'p');
    await new TestPublisher(first.committer, log, record).publish(texts('a'));
    const next = await first.rollSession(log, { session: 'S2', reason: 'closed' });
    await new TestPublisher(first.committer, next, record).publish(texts('b'));
    await first.close();
    const store = await Store.open(options(disk));
    const found = await store.publisher('main', 'p');
    expect([found.find(1), found.find(2)]).toMatchObject([
      { session: 'S1', log: log.number, run: [1, 1, 1, 1] },
      { session: 'S2', log: next.number, run: [2, 1, 1, 1] },
    ]);
    await store.close();
  });

  it('of which nobody could tell whether it was written is taken in when it is found', async () => {
    const disk = new FaultDisk({ atCommit: 2, fault: 'fsync-kept' });
    disk.failingOpens = 0;
    let expire: () => void = () => {};
    let reopen: () => void = () => {};
    const wait = (ms: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        if (ms === deadlineMs) expire = resolve;
        else reopen = resolve;
      });
    const store = await Store.open(options(disk, { wait }));
    const log = await store.createSession('main', 'S1');
    disk.failingOpens = 1;
    const rolling = store.rollSession(log, { session: 'S2', reason: 'closed' });
    await expect(
      Promise.race([rolling, new Promise((resolve) => setImmediate(resolve)).then(() => expire()).then(() => rolling)]),
    ).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    expect([log.state, store.activeSession('main')]).toEqual(['active', log]);
    await expect(store.rollSession(log, { session: 'S3', reason: 'again' })).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
    });
    const reopened = new Promise<void>((resolve) => store.onReopened(resolve));
    reopen();
    await reopened;
    expect(log.state).toBe('ended');
    expect(store.activeSession('main')).toMatchObject({ session: 'S2', lastSeq: 0 });
    const next = store.activeSession('main')!;
    expect(await new TestPublisher(store.committer, next).publish(texts('x'))).toMatchObject({ firstSeq: 1 });
    await store.close();
  });
});

/** Publishes and rolls by turns; every name is tried once more when it was not written. */
async function script(disk: FaultDisk, acknowledged: { session: string; text: string }[]): Promise<void> {
  disk.failingOpens = 0;
  const store = await Store.open(options(disk)).catch(() => Store.open(options(disk)));
  let log: Log = await retried(() => store.createSession('main', 'S1'));
  for (let number = 1; number <= 3; number += 1) {
    const publisher = new TestPublisher(store.committer, log);
    for (const text of [`${log.session}-a`, `${log.session}-b`]) {
      while ((await publisher.publish(texts(text))).error !== undefined);
      acknowledged.push({ session: log.session, text });
    }
    const current: Log = log;
    log = await retried(() => store.rollSession(current, { session: `S${number + 1}`, reason: 'closed' }));
  }
}

async function bytesOf(store: Store, log: number): Promise<string> {
  const summary = store.sessions('main').find((session) => session.log === log)!;
  if (summary.lastSeq < 1) return '';
  const page = await store.read(log, 1, summary.lastSeq);
  expect(page.lost).toBeUndefined();
  return Buffer.concat(page.stretches.map(({ bytes }) => bytes)).toString('latin1');
}

describe.each(faults)('with %s at any commit of a run with rolls', (fault) => {
  it('exactly one session is active afterwards, and every message is in the session it was acknowledged in', async () => {
    const counted = new FaultDisk();
    await script(counted, []);
    for (let atCommit = 1; atCommit < counted.commits; atCommit += 1) {
      const disk = new FaultDisk({ atCommit, fault });
      const acknowledged: { session: string; text: string }[] = [];
      await Promise.race([script(disk, acknowledged), disk.crashed]);
      expect(disk.writesAfterFailure).toBe(0);
      disk.failingOpens = 0;
      const store = await Store.open(options(disk));
      const sessions = store.sessions('main');
      const active = sessions.filter(({ state }) => state === 'active');
      if (sessions.length > 0) expect(active, `active sessions after ${fault} at ${atCommit}`).toHaveLength(1);
      expect(sessions.map(({ session }) => session)).toEqual(sessions.map((_, index) => `S${index + 1}`));
      expect(sessions.at(-1)?.state ?? 'active').toBe('active');
      for (const { session, text } of acknowledged) {
        const { log } = sessions.find((summary) => summary.session === session)!;
        expect(await bytesOf(store, log)).toContain(text);
      }
      await store.close();
    }
  });
});
