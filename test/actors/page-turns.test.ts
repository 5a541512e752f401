import { describe, expect, it } from 'vitest';
import { CatchUp } from '../../actors/catch-up.js';
import { PageTurns, type Turn } from '../../actors/page-turns.js';

/** Three rewinds of one client, and which of them have been told to read. */
function rewinds(count: number, hasRoom: () => boolean = () => true) {
  const turns = new PageTurns(hasRoom, new CatchUp(() => 0));
  const started: number[] = [];
  const taken: Turn[] = Array.from({ length: count }, (_, index) => turns.take(1, 1, () => started.push(index)));
  return { turns, started, taken };
}

describe('the page turns of a client', () => {
  it('let two rewinds read at the same time, and the others in the order in which they came', () => {
    const { started, taken } = rewinds(4);
    expect(started).toEqual([0, 1]);
    taken[1]!.end();
    expect(started).toEqual([0, 1, 2]);
    taken[0]!.end();
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('put one that wants its next page behind those that wait', () => {
    const { turns, started, taken } = rewinds(3);
    taken[0]!.end();
    turns.take(1, 1, () => started.push(10));
    expect(started).toEqual([0, 1, 2]);
    taken[2]!.end();
    expect(started).toEqual([0, 1, 2, 10]);
  });

  it('wait while the queue of the client is long', () => {
    let room = false;
    const { turns, started } = rewinds(2, () => room);
    expect(started).toEqual([]);
    room = true;
    turns.drained();
    expect(started).toEqual([0, 1]);
  });

  it('forget one that is not wanted any more, waiting or not, however often it is said', () => {
    const { started, taken } = rewinds(4);
    taken[2]!.end();
    taken[0]!.end();
    taken[0]!.end();
    expect(started).toEqual([0, 1, 3]);
  });
});
