import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockPayloads, type Durability, decodePayloads, sliceBlock } from '../../protocol/index.js';
import { blocksOf, type Log, Store, type StoreOptions } from '../../storage/index.js';
import { readMs } from '../../storage/page-reader.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Fault, FaultDisk } from './fault-level.js';
import { type Outcome, storeOptions, TestPublisher } from './store-under-test.js';

const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];
const deadlineMs = 12_345;

let directory: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterAll(() => remove());

/** The back-off takes no time; the deadlines for an outcome and for a read are not reached. */
function untilAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (ms !== deadlineMs && ms !== readMs) return Promise.resolve();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

function options(disk: FaultDisk, durability: Durability): StoreOptions {
  const { openLevel } = disk;
  const common = { openLevel, durability, outcomeDeadlineMs: deadlineMs, wait: untilAborted };
  return storeOptions(directory, { ...common, freeBytes: async () => 2 ** 40 });
}

interface Published extends Outcome {
  source: string;
  text: string;
}

/** What the publishers of a run were told. */
interface Run {
  outcomes: Published[];
  epochs: Map<string, string>;
}

/** Two sources, published into at the same time; what was not written is sent again. */
async function script(disk: FaultDisk, durability: Durability, run: Run): Promise<void> {
  let store: Store;
  try {
    store = await Store.open(options(disk, durability));
  } catch {
    store = await openWhenPossible(disk, durability);
  }
  const publishers = new Map<string, TestPublisher>();
  for (const source of ['a', 'b']) {
    const log = await retried(() => store.createSession(source, 'first'));
    run.epochs.set(source, log.epoch);
    publishers.set(source, new TestPublisher(store.committer, log, await store.publisher(source, 'p')));
  }
  const publish = async (source: string, text: string, level: Durability): Promise<void> => {
    for (;;) {
      const outcome = await publishers.get(source)!.publish(texts(text, `${text}'`), level);
      run.outcomes.push({ ...outcome, source, text });
      if (outcome.error === undefined) return;
      expect(outcome.error.code).toBe('ERR_NOT_WRITTEN');
    }
  };
  for (let step = 0; step < 5; step += 1) {
    const level = step === 3 ? 'disk' : 'os';
    const saved = step === 2 ? retried(() => store.saveReceipts()) : undefined;
    await Promise.all([
      publish('a', `a${step}`, level),
      step % 2 === 0 ? publish('b', `b${step}`, level) : undefined,
      saved,
    ]);
  }
}

async function retried<T>(job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    return await job();
  }
}

async function openWhenPossible(disk: FaultDisk, durability: Durability): Promise<Store> {
  disk.failingOpens = 0;
  return await Store.open(options(disk, durability));
}

async function contents(store: Store, log: Log): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (let next = log.firstSeq; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    expect(page.lost).toBeUndefined();
    for (const block of page.stretches.flatMap(blocksOf)) {
      for (const payload of decodePayloads(blockPayloads(sliceBlock(block, next)).bytes))
        found.set(next++, String(payload));
    }
  }
  return found;
}

/** What was acknowledged is there, what was refused is not, and no number was given to two messages of an epoch. */
async function check(store: Store, run: Run, ending: 'kill' | 'power'): Promise<void> {
  for (const source of ['a', 'b']) {
    const log = store.activeSession(source);
    const own = run.outcomes.filter((outcome) => outcome.source === source);
    if (!log) {
      expect(own).toEqual([]);
      continue;
    }
    const found = await contents(store, log);
    const sameEpoch = log.epoch === run.epochs.get(source);
    for (const { firstSeq, lastSeq, text, error, durability } of own) {
      if (error) continue;
      const isKept = found.get(firstSeq) === text && found.get(lastSeq) === `${text}'`;
      if (durability === 'disk' || ending === 'kill') expect(isKept, `acknowledged ${text} is there`).toBe(true);
      else if (sameEpoch) expect(isKept, `${text} is there, or the epoch is another`).toBe(true);
    }
    const record = await store.publisher(source, 'p');
    for (const { number, firstSeq, text } of own) {
      const isThere = found.get(firstSeq) === text;
      const run = isThere ? [number, 1, firstSeq, 2] : undefined;
      if (isThere || number > record.lastNumber) expect(record.find(number)?.run, `receipt of ${text}`).toEqual(run);
    }
    expect(record.lastNumber, 'receipts are there if, and only if, the messages are').toBe(found.size / 2);
    const values = [...found.values()];
    expect(new Set(values).size, 'nothing is there twice').toBe(values.length);
    const acknowledged = new Set(own.filter(({ error }) => !error).flatMap(({ text }) => [text, `${text}'`]));
    const refused = own.filter(({ error, text }) => error && !acknowledged.has(text));
    for (const { text } of refused) expect(values).not.toContain(text);
    const outcome = await new TestPublisher(store.committer, log).publish(texts('new'));
    expect(outcome).toMatchObject({ firstSeq: found.size + 1 });
    for (const { lastSeq, error } of own) {
      if (!error && sameEpoch) expect(outcome.firstSeq).toBeGreaterThan(lastSeq);
    }
  }
}

async function lastCommit(): Promise<number> {
  const disk = new FaultDisk();
  await script(disk, 'disk', { outcomes: [], epochs: new Map() });
  return disk.commits - 1;
}

describe.each(['disk', 'os'] as const)('a store at durability %s', (durability) => {
  describe.each(faults)('with %s at any commit of a run', (fault) => {
    it.each([
      ['kill', 0],
      ['power', 0],
      ['power', 1],
    ] as const)('keeps every acknowledgement true after %s that leaves %i unsynced batches', async (ending, kept) => {
      const last = await lastCommit();
      expect(last).toBeGreaterThan(6);
      for (let atCommit = 0; atCommit <= last; atCommit += 1) {
        const disk = new FaultDisk({ atCommit, fault });
        const run: Run = { outcomes: [], epochs: new Map() };
        await Promise.race([script(disk, durability, run), disk.crashed]);
        expect(disk.writesAfterFailure, 'writes on a handle that had failed').toBe(0);
        if (ending === 'power') disk.losePower(kept);
        const store = await openWhenPossible(disk, durability);
        await check(store, run, ending);
        await store.close();
      }
    });
  });
});
