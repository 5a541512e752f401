import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { RawClient } from './support/raw-client.js';
import type { ServerProcess } from './support/server-process.js';

const arena = useArena();

/** Publish something to a server and learn the epoch it is in. */
async function epochOf({ port }: ServerProcess): Promise<string> {
  const publisher = new GoBackNPublisher({ port, publisher: 'p' });
  publisher.publishTo(10);
  await publisher.acknowledged(10);
  publisher.stop();
  const client = await RawClient.connect(port);
  const { epoch } = await client.subscribed({ from: 1 });
  client.cut();
  return epoch;
}

/** What becomes of a subscription that resumes in this epoch. */
async function resume({ port }: ServerProcess, epoch: string) {
  const client = await RawClient.connect(port);
  arena.defer(() => client.cut());
  return await client.subscribe({ from: 5, epoch });
}

test('after kill -9 below durability disk a position of before gets RESET, with what there is now', async () => {
  const flags = ['--durability', 'os'];
  const first = await arena.start({ flags });
  const epoch = await epochOf(first);
  await first.kill();
  const second = await arena.start({ data: first.data, flags });
  const answer = await resume(second, epoch);
  expect(answer).toMatchObject({ type: 'RESET', firstSeq: 1, lastSeq: 30 });
  expect(answer.type === 'RESET' && answer.epoch).not.toBe(epoch);
});

test('after SIGTERM below durability disk, and after kill -9 at disk, a position of before still counts', async () => {
  for (const [durability, end] of [['os', 'SIGTERM'] as const, ['disk', 'SIGKILL'] as const]) {
    const flags = ['--durability', durability];
    const first = await arena.start({ flags });
    const epoch = await epochOf(first);
    await first.end(end);
    const second = await arena.start({ data: first.data, flags });
    expect(await resume(second, epoch)).toMatchObject({ type: 'SUBSCRIBED', from: 5, epoch, lastSeq: 30 });
  }
});
