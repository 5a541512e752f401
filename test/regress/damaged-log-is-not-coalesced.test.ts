import { expect, it, vi } from 'vitest';
import { Store } from '../../storage/index.js';
import { storeOptions, TestPublisher } from '../storage/store-under-test.js';
import { UnreadableLevel } from '../storage/unreadable-level.js';
import { texts } from '../support/payloads.js';

it('coalesces the other logs although one cannot be read, and reports that one once', async () => {
  const level = new UnreadableLevel();
  const options = storeOptions('/tmp', { ringBytesMax: 1, openLevel: level.openLevel, diskReserveBytes: 0 });
  const warn = vi.spyOn(options.logger, 'warn');
  const store = await Store.open(options);
  const logs = [await store.createSession('one', 'S1'), await store.createSession('two', 'S1')];
  const publish = async (): Promise<void> => {
    for (const log of logs) {
      const publisher = new TestPublisher(store.committer, log);
      for (let count = 0; count < 100; count += 1) await publisher.publish(texts('x'.repeat(1_000)));
    }
  };
  await publish();
  level.log = logs[0]!.number;
  expect(await store.coalesceOnce()).toBe(true);
  const { coalesced } = store.stats();
  expect(coalesced).toBeGreaterThan(0);
  await publish();
  while (await store.coalesceOnce());
  expect(store.stats().coalesced).toBeGreaterThan(coalesced);
  expect(warn.mock.calls.map(([facts]) => (facts as { log?: number }).log)).toEqual([logs[0]!.number]);
  await store.close();
});
