import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import InputActor, { type FedSource, type InputParameters } from '../../../actors/inputs/input.js';
import { InputFeeds } from '../../../actors/inputs/input-feeds.js';
import type { SessionInputSource } from '../../../actors/inputs/input-source.js';
import { PublishQueue } from '../../../actors/publish-queue.js';
import type { Ref } from '../../../actors/runtime/index.js';
import type { SessionProtocol } from '../../../actors/session.js';
import { blockPayloads, type Durability, decodePayloads } from '../../../protocol/index.js';
import { blocksOf, Store, type StoreOptions } from '../../../storage/index.js';
import { readMs } from '../../../storage/page-reader.js';
import { type Fault, FaultDisk } from '../../storage/fault-level.js';
import { storeOptions } from '../../storage/store-under-test.js';
import { within } from '../../support/deadline.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { silent } from '../support.js';

const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];
const outcomeDeadlineMs = 12_345;
const messages = 12;

let directory: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
});
afterAll(() => remove());

/** The back-off takes no time; the deadlines for an outcome and for a read are not reached. */
function untilAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (ms !== outcomeDeadlineMs && ms !== readMs) return Promise.resolve();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

function open(disk: FaultDisk, durability: Durability): Promise<Store> {
  const { openLevel } = disk;
  const more: Partial<StoreOptions> = { openLevel, durability, outcomeDeadlineMs, wait: untilAborted };
  return Store.open(storeOptions(directory, { ...more, freeBytes: async () => 2 ** 40 }));
}

/** Numbers, in batches of one to three; the position is the last one. */
const numbers = {
  *read(position = 0) {
    for (let next = position + 1; next <= messages; ) {
      const count = Math.min(1 + (next % 3), messages - next + 1);
      const payloads = Array.from({ length: count }, (_, index) => `${next + index}`);
      next += count;
      yield { payloads, position: next - 1 };
    }
    yield { payloads: [], position: messages };
  },
} as unknown as SessionInputSource;

/** Have the input read to its end into the store; resolves when it has. */
async function readAll(store: Store): Promise<void> {
  const log = store.activeSession('main') ?? (await store.createSession('main', 'S1'));
  const queue = new PublishQueue(
    log,
    store.committer,
    () => 1_000,
    1_000_000,
    () => {},
  );
  const feeds = new InputFeeds({ store, active: () => ({ log, queue }), refusal: () => store.unavailable() });
  const session = { ask: (_topic: string, feed: Parameters<InputFeeds['feed']>[0]) => feeds.feed(feed) };
  const fed: FedSource = {
    position: (input) => feeds.position(input),
    session: () => session as unknown as Ref<SessionProtocol>,
    openSession: async () => {},
    discard: async () => {},
    endOfDay: async () => {},
  };
  await new Promise<void>((resolve, reject) => {
    const ended = (error: Error | undefined) => (error ? reject(error) : resolve());
    const open = async () => numbers;
    const parameters: InputParameters = { name: 'in', source: 'main', options: undefined, fed, open, ended };
    const spawner = { spawn: () => Promise.reject(new Error('an input has no children')) };
    new InputActor({ name: 'in', parameters, logger: silent, spawner }).begin();
  });
}

async function run(disk: FaultDisk, durability: Durability): Promise<void> {
  const store = await open(disk, durability).catch(() => {
    disk.failingOpens = 0;
    return open(disk, durability);
  });
  await readAll(store).catch(() => readAll(store));
  await store.close();
}

async function textsOf(store: Store): Promise<string[]> {
  const log = store.activeSession('main')!;
  const texts: string[] = [];
  for (let next = log.firstSeq; next <= log.lastSeq; ) {
    const page = await store.read(log.number, next, log.lastSeq);
    expect(page.lost).toBeUndefined();
    for (const block of page.stretches.flatMap(blocksOf)) {
      for (const payload of decodePayloads(blockPayloads(block).bytes)) texts.push(payload.toString());
    }
    next = page.next;
  }
  return texts;
}

describe.each(['disk', 'os'] as const)('an input into a store at durability %s', (durability) => {
  it.each(faults)('brings every message once and in order with %s at any commit', async (fault) => {
    const whole = new FaultDisk();
    await run(whole, durability);
    for (let atCommit = 0; atCommit < whole.commits; atCommit += 1) {
      const disk = new FaultDisk({ atCommit, fault });
      await within(Promise.race([run(disk, durability), disk.crashed]), `${fault} at commit ${atCommit}`);
      if (atCommit % 2 === 0) disk.losePower(atCommit % 4);
      disk.failingOpens = 0;
      const store = await open(disk, durability);
      await readAll(store);
      expect(await textsOf(store), `${fault} at commit ${atCommit}`).toEqual(
        Array.from({ length: messages }, (_, index) => `${index + 1}`),
      );
      expect(await store.inputPosition('main', 'in')).toMatchObject({ position: messages, session: 'S1' });
      await store.close();
    }
  });
});

it('keeps the numbers that were skipped at the end of a session, with no message behind them, over a crash', async () => {
  const disk = new FaultDisk();
  const first = await open(disk, 'disk');
  const log = await first.createSession('main', 'S1');
  const queue = { flushed: async () => {} } as PublishQueue;
  const feeds = new InputFeeds({ store: first, active: () => ({ log, queue }), refusal: () => undefined });
  await feeds.feed({ input: 'in', payloads: [], position: 'the end', batch: 1, firstSeq: 6 });
  disk.losePower(0);
  const store = await open(disk, 'disk');
  expect(store.sessions('main')).toMatchObject([{ session: 'S1', state: 'active', lastSeq: 5 }]);
  expect(await store.read(log.number, 1, 5)).toMatchObject({ lost: { from: 1, to: 5 }, next: 6 });
  expect(await store.inputPosition('main', 'in')).toMatchObject({ position: 'the end' });
  await store.close();
});
