import { describe, expect, it } from 'vitest';
import { Membership } from '../../../actors/groups/membership.js';
import type { MemberRow } from '../../../storage/index.js';

const limits = { group: 'g', tdMs: 1_000, membersMax: 2 };
const nobody = (): Membership => new Membership(limits, [], 0);

/** `ada`, registered at 0 and away since `sinceMs`. */
function awaySince(sinceMs: number, wishes: { tdMs?: number } = {}): Membership {
  const membership = nobody();
  membership.register('ada', wishes, 4, 0);
  membership.left('ada', sinceMs);
  return membership;
}

describe('the time bound', () => {
  it.each([
    ['td − 1 ms', 1_999, { fromSeq: 5 }],
    ['td', 2_000, { fromSeq: 5 }],
    ['td + 1 ms', 2_001, { fromSeq: 5, sinceMs: 1_001 }],
  ])('after %s gives a claim to exactly what it says', (_, nowMs, claim) => {
    expect(awaySince(1_000).claim('ada', nowMs)).toEqual(claim);
    expect(awaySince(1_000).claimed(nowMs)).toEqual('sinceMs' in claim ? { sinceMs: claim.sinceMs } : claim);
  });

  it.each([
    ['less', 10, 10],
    ['more', 5_000, 1_000],
  ])('of a participant counts where it is the smaller one: %s than the group’s', (_, tdMs, counts) => {
    const membership = awaySince(0, { tdMs });
    expect(membership.claim('ada', counts)).toEqual({ fromSeq: 5 });
    expect(membership.claim('ada', counts + 1)).toEqual({ fromSeq: 5, sinceMs: 1 });
  });

  it('of no time at all lets nothing be missed by one who comes back in the same millisecond', () => {
    const membership = awaySince(7, { tdMs: 0 });
    expect(membership.claim('ada', 7)).toEqual({ fromSeq: 5 });
    expect(membership.claim('ada', 8)).toEqual({ fromSeq: 5, sinceMs: 8 });
  });

  it('counts from the time a participant was last seen when the coordinator has crashed', () => {
    const before = nobody();
    const row = before.register('ada', {}, 4, 100);
    before.seen(600, 500);
    const [seen] = before.takeUnsaved(() => true);
    for (const [record, sinceMs] of [
      [row, 100],
      [seen!, 600],
    ] as [MemberRow, number][]) {
      const after = new Membership(limits, [record], 9);
      expect(after.find('ada')).toMatchObject({ isAway: true, cursor: 4 });
      expect(after.claim('ada', sinceMs + 1_000)).toEqual({ fromSeq: 5 });
      expect(after.claim('ada', sinceMs + 1_001)).toEqual({ fromSeq: 5, sinceMs: sinceMs + 1 });
    }
  });
});

describe('a command', () => {
  type Step = (membership: Membership) => unknown;
  const commands: [string, Step, string | undefined, string | undefined, string | undefined][] = [
    ['register', (m) => m.register('ada', {}, 4, 10), undefined, 'ERR_ID_IN_USE', 'ERR_ID_IN_USE'],
    ['reconnect', (m) => m.claim('ada', 10), 'ERR_NOT_REGISTERED', 'ERR_ALREADY_CONNECTED', undefined],
    ['disconnect', (m) => m.leaving('ada', 10), 'ERR_NOT_REGISTERED', undefined, 'ERR_NOT_CONNECTED'],
    ['deregister', (m) => m.deregistering('ada'), 'ERR_NOT_REGISTERED', undefined, undefined],
    ['msend', (m) => m.connected('ada'), 'ERR_NOT_REGISTERED', undefined, 'ERR_NOT_CONNECTED'],
  ];
  it.each(commands)('%s is granted or refused as its participant is unknown, online or away', (_, step, ...codes) => {
    const online = nobody();
    online.register('ada', {}, 4, 0);
    [nobody(), online, awaySince(0)].forEach((membership, index) => {
      const code = codes[index];
      if (code === undefined) expect(() => step(membership)).not.toThrow();
      else expect(() => step(membership)).toThrow(expect.objectContaining({ code }));
    });
  });

  it('register is refused when the group is full, and not for one who is in it', () => {
    const membership = nobody();
    membership.register('ada', {}, 0, 0);
    membership.register('ben', {}, 0, 0);
    expect(() => membership.register('eve', {}, 0, 0)).toThrow(/limit 2/);
    membership.remove('ben');
    expect(membership.register('eve', {}, 0, 0)).toMatchObject({ participant: 'eve' });
  });

  it('reconnect gives up for ever what it did not reach', () => {
    const membership = awaySince(0);
    expect(membership.connect('ada', {}, 8, 5_000)).toMatchObject({ cursor: 7, isAway: false, seenMs: 5_000 });
    membership.left('ada', 5_000);
    expect(membership.claim('ada', 5_000)).toEqual({ fromSeq: 8 });
  });
});

describe('what participants have a claim to', () => {
  it('is nothing when there are none', () => {
    expect(nobody().claimed(0)).toEqual({});
  });

  it('is everything behind the cursor of one who is there, however long that takes', () => {
    const membership = nobody();
    membership.register('ada', {}, 4, 0);
    expect(membership.claimed(1e9)).toEqual({ fromSeq: 5 });
    membership.delivered('ada', 6);
    membership.delivered('ada', 5);
    expect(membership.claimed(1e9)).toEqual({ fromSeq: 7 });
  });

  it('is the most that any of them has', () => {
    const membership = awaySince(0);
    membership.register('ben', {}, 9, 5_000);
    expect(membership.claimed(5_000)).toEqual({ fromSeq: 10, sinceMs: 4_000 });
  });
});

describe('what is put on record', () => {
  it('is what has changed, once, and again when that failed', () => {
    const membership = nobody();
    membership.register('ada', {}, 4, 0);
    expect(membership.takeUnsaved(() => true)).toEqual([]);
    membership.delivered('ada', 5);
    membership.left('ada', 3);
    const rows = membership.takeUnsaved(() => true);
    expect(rows).toMatchObject([{ cursor: 5, isAway: true, seenMs: 3 }]);
    expect(membership.takeUnsaved(() => true)).toEqual([]);
    membership.unsaved(rows);
    expect(membership.takeUnsaved(() => true)).toEqual(rows);
  });

  it('does not reach beyond the log when a crash has taken its last messages', () => {
    const row = nobody().register('ada', {}, 4, 0);
    expect(new Membership(limits, [row], 2).claim('ada', 0)).toEqual({ fromSeq: 3 });
  });
});
