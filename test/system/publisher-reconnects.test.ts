import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();
const reconnects = 60;

test.each<PlacementName>(['default', 'edges', 'rewinds'])(
  'a publisher that connects again and again with publishes under way has each of them once, in the placement %s',
  async (placement) => {
    const { port } = await arena.start({ placement });
    const publisher = new GoBackNPublisher({ port, publisher: 'p' });
    arena.defer(() => publisher.stop());
    publisher.publishTo(Number.MAX_SAFE_INTEGER);
    for (let reconnect = 1; reconnect <= reconnects; reconnect += 1) {
      await publisher.connected(reconnect);
      await publisher.acknowledged(publisher.settled + (reconnect % 5) * 3);
      publisher.reconnect();
    }
    await publisher.connected(reconnects + 1);
    await publisher.finish();
    expect(publisher.resent).toBeGreaterThan(0);
    expect(publisher.refusals).toEqual([]);
    expectExactlyOnce(await readLog(port), publisher, 'p');
  },
);
