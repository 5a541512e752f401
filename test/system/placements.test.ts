import { describe, expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { forksOf, inspect } from './support/inspection.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();

const placements: { placement: PlacementName; forks: number }[] = [
  { placement: 'default', forks: 0 },
  { placement: 'edges', forks: 2 },
  { placement: 'rewinds', forks: 1 },
];

describe.each(placements)('in the placement $placement', ({ placement, forks }) => {
  test('followers from the start, late joiners and a rerequest all get the same log', async () => {
    const { port } = await arena.start({ placement, flags: ['--ring-bytes-max', '262144'] });
    const publisher = new GoBackNPublisher({ port, publisher: 'p', bytesEach: 400, messagesEach: 20 });
    arena.defer(() => publisher.stop());
    const followers = await Promise.all(Array.from({ length: 4 }, () => Follower.start({ port, from: 1 })));
    publisher.publishTo(150);
    await publisher.acknowledged(100);
    // 100 × 20 × 400 bytes are three times the ring: these are served from the log before they are live.
    const starts = [1, 2, 777, 1_999];
    const late = await Promise.all(starts.map((from) => Follower.start({ port, from })));
    for (const follower of [...followers, ...late]) arena.defer(() => follower.stop());
    await publisher.acknowledged(150);

    const log = await readLog(port);
    expectExactlyOnce(log, publisher, 'p');
    for (const follower of followers) {
      await follower.reached(log.length);
      await follower.live();
      expect(follower.texts).toEqual(log);
    }
    for (const [index, follower] of late.entries()) {
      await follower.reached(log.length);
      await follower.live();
      expect(follower.texts).toEqual(log.slice(starts[index]! - 1));
    }
    const { texts, lost } = await late[0]!.client.rerequest(1_234, 2_345);
    expect(lost).toEqual([]);
    expect(texts).toEqual(log.slice(1_233, 2_345));

    const state = await inspect(port);
    expect(forksOf(state).length).toBe(forks);
    if (placement === 'edges') for (const edge of state.edges) expect(edge.subscriptions?.length).toBeGreaterThan(0);
  });
});
