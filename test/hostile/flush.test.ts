import { expect, it } from 'vitest';
import { PublishQueue } from '../../actors/publish-queue.js';
import { encodePayloads } from '../../protocol/index.js';
import { Log } from '../../storage/index.js';

const facts = {
  number: 1,
  source: 'main',
  session: 's',
  epoch: 'e',
  state: 'active',
  firstSeq: 1,
  lastSeq: 0,
  timeMs: 0,
  receiptsSeq: 0,
};

it('a queue that never runs empty is flushed of what was in it all the same', async () => {
  const log = new Log(facts as ConstructorParameters<typeof Log>[0], 1_000_000);
  const committer = { wake: () => {} };
  const queue = new PublishQueue(
    log,
    committer,
    () => 1,
    1_000_000,
    () => {},
  );
  const producer = { receipt: () => undefined, acknowledged: () => {}, refused: () => {} };
  const publish = (number: number): void => {
    queue.push({ producer, number, payloads: encodePayloads([Buffer.from('x')]), durability: 'os' });
  };
  let flushed = false;
  publish(1);
  const first = queue.seal(1_000_000)!;
  publish(2);
  const flush = queue.flushed().then(() => {
    flushed = true;
  });
  publish(3);
  first.written();
  first.tell('os');
  await Promise.resolve();
  expect([flushed, queue.depth]).toEqual([false, 2]);
  const second = queue.seal(1_000_000)!;
  publish(4);
  second.written();
  second.tell('os');
  await flush;
  expect([flushed, queue.depth]).toEqual([true, 1]);
});
