import { describe, expect, it } from 'vitest';
import { Rounds } from '../../actors/rounds.js';

describe('rounds', () => {
  const membersOf = (count: number) => new Set(Array.from({ length: count }, (_, index) => index));

  function looks(rounds: Rounds<number>, steps: number): number[] {
    const seen: number[] = [];
    for (let step = 0; step < steps; step += 1) rounds.step((member) => seen.push(member));
    return seen;
  }

  it('look at some of the members at a time, and at all of them in turn', () => {
    const members = membersOf(100);
    const rounds = new Rounds(members, 10);
    expect(looks(rounds, 1)).toHaveLength(10);
    expect(new Set(looks(rounds, 10)).size).toBeGreaterThanOrEqual(99);
    expect(new Set([...looks(rounds, 12)]).size).toBe(100);
  });

  it('go on when members come and go, down to none', () => {
    const members = membersOf(5);
    const rounds = new Rounds(members, 2);
    looks(rounds, 3);
    members.clear();
    expect(looks(rounds, 3)).toEqual([]);
    members.add(7);
    expect(looks(rounds, 4)).toContain(7);
  });
});
