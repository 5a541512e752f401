import { expect, test } from 'vitest';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { forksOf, inspect } from './support/inspection.js';
import { RawClient } from './support/raw-client.js';
import { readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();
const rounds = 200;
/** How far a subscription gets before it is given up. */
const stages = ['requested', 'SUBSCRIBED', 'block', 'LIVE'] as const;
type Stage = (typeof stages)[number];

/** A client that subscribes and unsubscribes again and again; the raw client finds fault with what comes in between. */
async function churn(port: number, head: () => number): Promise<void> {
  let awaited: { stage: Stage; reached(): void } | undefined;
  const reached = (stage: Stage) => {
    if (awaited?.stage === stage) awaited.reached();
  };
  const unexpected: unknown[] = [];
  const client = await RawClient.connect(
    port,
    {},
    {
      block: () => reached('block'),
      message: (message) => {
        if (message.type === 'SUBSCRIBED' || message.type === 'LIVE') reached(message.type);
        if (message.type === 'REJECTED' || (message.type === 'UNSUBSCRIBED' && message.code)) unexpected.push(message);
      },
    },
  );
  const { log } = await client.subscribed();
  await client.unsubscribe(log);
  for (let round = 1; round <= rounds; round += 1) {
    const stage = stages[round % stages.length]!;
    const done = new Promise<void>((resolve) => {
      awaited = { stage, reached: resolve };
    });
    // From far back, from what is in memory, from the next number on.
    const from = [Math.ceil((head() * (round % 10)) / 10) || 1, Math.max(1, head() - 5), undefined][round % 3];
    client.send({ type: 'SUBSCRIBE', request: 1_000 + round, ...(from !== undefined && { from }) });
    if (stage !== 'requested') await within(done, `${stage} in round ${round}`);
    await client.unsubscribe(log);
  }
  expect(unexpected).toEqual([]);
  client.cut();
}

test.each<PlacementName>(['default', 'edges', 'rewinds'])(
  'subscriptions that come and go in quick succession disturb nobody, in the placement %s',
  async (placement) => {
    const { port } = await arena.start({ placement, flags: ['--ring-bytes-max', '262144'] });
    const publisher = new GoBackNPublisher({ port, publisher: 'p', messagesEach: 5, bytesEach: 200, window: 4 });
    arena.defer(() => publisher.stop());
    publisher.publishTo(Number.MAX_SAFE_INTEGER);
    await publisher.acknowledged(400);
    const forks = forksOf(await inspect(port));
    // Two: in the placement with two edges each is the only subscriber of its edge, which attaches and detaches its list.
    await Promise.all([churn(port, () => publisher.settled * 5), churn(port, () => publisher.settled * 5)]);
    const followers = await Promise.all([1, undefined].map((from) => Follower.start({ port, ...(from && { from }) })));
    for (const follower of followers) arena.defer(() => follower.stop());
    await publisher.acknowledged(publisher.settled + 50);
    await publisher.finish();
    const log = await readLog(port);
    for (const follower of followers) {
      await follower.reached(log.length);
      expect(follower.texts).toEqual(log.slice(follower.first - 1));
    }
    expect(forksOf(await inspect(port))).toEqual(forks);
  },
);
