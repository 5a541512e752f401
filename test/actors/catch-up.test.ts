import { describe, expect, it } from 'vitest';
import { CatchUp, type WantedPage } from '../../actors/catch-up.js';
import { turn } from '../support/deadline.js';

/** Readers whose pages take a while, and what was read in which order. */
class Stage {
  nowMs = 0;
  readonly started: string[] = [];
  readonly catchUp = new CatchUp(() => this.nowMs);

  /** @param deliveryMs how long the delivery takes; absent: it waits for the disk, until {@link CatchUp.leave} */
  wants(
    from: number,
    { name = `${from}`, log = 1, deliveryMs }: { name?: string; log?: number; deliveryMs?: number } = {},
  ) {
    const wanted: WantedPage = {
      log,
      from,
      start: () => {
        this.started.push(name);
        if (deliveryMs === undefined) return;
        this.nowMs += deliveryMs;
        queueMicrotask(() => this.catchUp.leave(wanted));
      },
    };
    this.catchUp.enter(wanted);
    return wanted;
  }

  /** As many as may be on their way, all from the first message of a log in front of all others. */
  busy(): WantedPage[] {
    return Array.from({ length: 4 }, () => this.wants(1, { log: 0, name: 'busy' }));
  }
}

describe('those who catch up', () => {
  it('are served at once when nobody else is', () => {
    const stage = new Stage();
    stage.wants(1);
    expect(stage.started).toEqual(['1']);
  });

  it('let the event loop go on after a millisecond, however many there are', async () => {
    const stage = new Stage();
    for (const name of ['a', 'b', 'c', 'd', 'e']) stage.wants(1, { name, deliveryMs: 0.5 });
    expect(stage.started).toEqual(['a', 'b']);
    await turn();
    expect(stage.started).toEqual(['a', 'b', 'c', 'd']);
    await turn();
    expect(stage.started).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are served in the order of their places, log by log, and in that of their coming at the same place', async () => {
    const stage = new Stage();
    const busy = stage.busy();
    stage.wants(10, { log: 2, name: 'the next log', deliveryMs: 0 });
    stage.wants(20, { deliveryMs: 0 });
    stage.wants(10, { name: '10, first', deliveryMs: 0 });
    stage.wants(30, { deliveryMs: 0 });
    stage.wants(10, { name: '10, second', deliveryMs: 0 });
    for (const wanted of busy) stage.catchUp.leave(wanted);
    await turn();
    expect(stage.started.slice(4)).toEqual(['10, first', '10, second', '20', '30', 'the next log']);
  });

  it('are taken along on the way to the back, before the next round starts at the front', () => {
    const stage = new Stage();
    const [first, ...others] = stage.busy();
    for (const from of [10, 20]) stage.wants(from);
    stage.catchUp.leave(first!);
    for (const from of [5, 15]) stage.wants(from);
    for (const wanted of others) stage.catchUp.leave(wanted);
    expect(stage.started.slice(4)).toEqual(['10', '15', '20', '5']);
  });

  it('are not passed over for long by others who are ever further ahead', () => {
    const stage = new Stage();
    let ahead = stage.busy();
    stage.wants(10, { log: 0, name: 'ahead' });
    stage.catchUp.leave(ahead.pop()!);
    stage.wants(5, { log: 0, name: 'behind' });
    for (let from = 20; !stage.started.includes('behind') && from < 100; from += 1) {
      ahead = [stage.wants(from, { log: 0, name: 'ahead' }), ...ahead];
      stage.catchUp.leave(ahead.pop()!);
    }
    expect(stage.started.indexOf('behind')).toBeLessThan(20);
    expect(stage.started).toContain('behind');
  });

  it('have few pages on their way at a time, and wait for the next one to come', async () => {
    const stage = new Stage();
    const busy = stage.busy();
    stage.wants(10);
    await turn();
    expect(stage.started).toHaveLength(4);
    stage.catchUp.leave(busy[3]!);
    expect(stage.started).toHaveLength(5);
  });

  it('are forgotten when they go, waiting or not', () => {
    const stage = new Stage();
    const busy = stage.busy();
    const wanted = [10, 10, 20].map((from, index) => stage.wants(from, { name: `${index}` }));
    stage.catchUp.leave(wanted[0]!);
    for (const one of [...busy, ...busy]) stage.catchUp.leave(one);
    expect(stage.started.slice(4)).toEqual(['1', '2']);
  });
});
