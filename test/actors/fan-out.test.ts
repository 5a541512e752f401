import { describe, expect, it } from 'vitest';
import { FanOut, type Member } from '../../actors/fan-out.js';
import type { SessionEnd } from '../../actors/subscription-machine.js';
import { turn } from '../support/deadline.js';

class Listener implements Member {
  readonly heard: (number | string)[] = [];
  readonly #then: () => void;

  constructor(then: () => void = () => {}) {
    this.#then = then;
  }

  committed(seq: number): void {
    this.heard.push(seq);
    this.#then();
  }

  sessionEnded({ lastSeq }: SessionEnd): void {
    this.heard.push(`end ${lastSeq}`);
  }
}

/** A clock that moves only when a member is told. */
class SlowMembers {
  nowMs = 0;

  readonly now = (): number => this.nowMs;

  /** Members of which each takes a millisecond. */
  add(fanOut: FanOut, count: number): Listener[] {
    return Array.from({ length: count }, () => {
      const listener = new Listener(() => {
        this.nowMs += 1;
      });
      fanOut.add(listener);
      return listener;
    });
  }
}

describe('a fan-out', () => {
  it('tells every member of every commit', async () => {
    const fanOut = new FanOut(0);
    const members = [new Listener(), new Listener()];
    for (const member of members) fanOut.add(member);
    for (const seq of [1, 2, 3]) await fanOut.committed(seq);
    expect(members.map(({ heard }) => heard)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('tells members in the turn of the commit as long as that is quick', () => {
    const fanOut = new FanOut(0, () => 0);
    const member = new Listener();
    fanOut.add(member);
    for (const seq of [1, 2, 3]) void fanOut.committed(seq);
    expect(member.heard).toEqual([1, 2, 3]);
  });

  it('never goes back behind what it has announced', () => {
    const fanOut = new FanOut(5);
    void fanOut.committed(3);
    expect(fanOut.head).toBe(5);
  });

  it('lets the event loop have a turn when a round takes long', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    const members = slow.add(fanOut, 40);
    const round = fanOut.committed(1);
    const told = () => members.filter(({ heard }) => heard.length > 0).length;
    expect(told()).toBe(16);
    await turn();
    expect(told()).toBe(32);
    await round;
    expect(told()).toBe(40);
  });

  it('merges the commits of a slow round into one further round', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    const members = slow.add(fanOut, 20);
    const rounds = [1, 2, 3].map((seq) => fanOut.committed(seq));
    await Promise.all(rounds);
    expect(members[0]!.heard).toEqual([1, 3]);
    expect(members[19]!.heard).toEqual([3, 3]);
    await fanOut.committed(4);
    expect(members[19]!.heard).toEqual([3, 3, 4]);
  });

  it('resolves a commit when every member was told of it', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    const members = slow.add(fanOut, 50);
    void fanOut.committed(1);
    await fanOut.committed(2);
    expect(members.every(({ heard }) => heard[heard.length - 1] === 2)).toBe(true);
  });

  it('does not tell a member that has left during the round', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    const members = slow.add(fanOut, 20);
    const round = fanOut.committed(1);
    fanOut.delete(members[19]!);
    await round;
    expect(members[18]!.heard).toEqual([1]);
    expect(members[19]!.heard).toEqual([]);
    expect(fanOut.size).toBe(19);
  });

  it('tells a member that joined during a round of everything behind the head it has seen', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    slow.add(fanOut, 20);
    const round = fanOut.committed(1);
    const late = new Listener();
    expect(fanOut.head).toBe(1);
    fanOut.add(late);
    void fanOut.committed(2);
    await round;
    expect(late.heard[late.heard.length - 1]).toBe(2);
  });

  it('tells the end of the session in the same turn, and keeps it for those who join later', async () => {
    const slow = new SlowMembers();
    const fanOut = new FanOut(0, slow.now);
    const members = slow.add(fanOut, 20);
    const round = fanOut.committed(1);
    fanOut.sessionEnded({ lastSeq: 2, reason: 'closed' });
    expect(members[19]!.heard).toEqual(['end 2']);
    expect([fanOut.head, fanOut.end]).toEqual([2, { lastSeq: 2, reason: 'closed' }]);
    await round;
    expect(members[19]!.heard).toEqual(['end 2', 2, 2]);
  });
});
