import { describe, expect, it } from 'vitest';
import type { Member } from '../../actors/fan-out.js';
import type { Followed, Origin } from '../../actors/origin.js';
import { SubscriptionMembers } from '../../actors/subscription-members.js';
import { Ring } from '../../storage/index.js';
import { turn } from '../support/deadline.js';
import { deferred } from './support.js';

const ring = new Ring(1_000, 1);

/** An origin that answers `follow` when the test says so. */
class SlowOrigin {
  readonly follows: ReturnType<typeof deferred<Followed>>[] = [];
  unfollowed = 0;

  follow(): Promise<Followed> {
    const follow = deferred<Followed>();
    this.follows.push(follow);
    return follow.promise;
  }

  unfollow(): void {
    this.unfollowed += 1;
  }
}

class Listener implements Member {
  readonly heard: (number | string)[] = [];

  committed(seq: number): void {
    this.heard.push(seq);
  }

  sessionEnded({ lastSeq }: { lastSeq: number }): void {
    this.heard.push(`end ${lastSeq}`);
  }
}

function listOf() {
  const origin = new SlowOrigin();
  const overs: number[] = [];
  const members = new SubscriptionMembers(7, origin as unknown as Origin, () => overs.push(members.size));
  members.attachedBy({} as never);
  const join = async () => {
    const listener = new Listener();
    const seen: Followed[] = [];
    await members.join((joined) => {
      seen.push(joined);
      return listener;
    });
    return { listener, joined: seen[0]! };
  };
  return { origin, members, join, overs };
}

describe('the members of a subscription list', () => {
  it('attach it to the session with the first one, who sees the head and hears of every commit behind it', async () => {
    const { origin, members, join } = listOf();
    const joining = join();
    origin.follows[0]!.resolve({ ring, head: 5 });
    const { listener, joined } = await joining;
    expect(joined).toEqual({ ring, head: 5 });
    for (const seq of [6, 8]) members.committed(seq);
    expect(listener.heard).toEqual([6, 8]);
  });

  it('share one attachment, however many join at the same time', async () => {
    const { origin, members, join } = listOf();
    const joining = [join(), join()];
    origin.follows[0]!.resolve({ ring, head: 5 });
    await Promise.all(joining);
    const { joined } = await join();
    expect([origin.follows.length, members.size, joined.head]).toEqual([1, 3, 5]);
  });

  it('see the head of the moment in which they join, not the one of the attachment', async () => {
    const { origin, members, join } = listOf();
    const first = join();
    origin.follows[0]!.resolve({ ring, head: 5 });
    await first;
    members.committed(9);
    const { joined, listener } = await join();
    members.committed(10);
    expect([joined.head, listener.heard]).toEqual([9, [10]]);
  });

  it('miss no commit whose notice overtakes the answer to the attachment', async () => {
    const { origin, members, join } = listOf();
    const joining = join();
    members.committed(7);
    origin.follows[0]!.resolve({ ring, head: 5 });
    expect((await joining).joined.head).toBe(7);
  });

  it('do not go back when the answer is newer than the notices before it', async () => {
    const { origin, members, join } = listOf();
    const joining = join();
    members.committed(3);
    origin.follows[0]!.resolve({ ring, head: 5 });
    expect((await joining).joined.head).toBe(5);
  });

  it('see an end that overtakes the answer, one that comes with it, and one that came before they joined', async () => {
    const end = { lastSeq: 5, reason: 'closed' };
    const overtaken = listOf();
    const joining = overtaken.join();
    overtaken.members.sessionEnded(end);
    overtaken.origin.follows[0]!.resolve({ ring, head: 5 });
    expect((await joining).joined.end).toEqual(end);

    const withIt = listOf();
    const second = withIt.join();
    withIt.origin.follows[0]!.resolve({ ring, head: 5, end });
    expect((await second).joined.end).toEqual(end);
    expect((await withIt.join()).joined.end).toEqual(end);
  });

  it('hear the end of the session', async () => {
    const { origin, members, join } = listOf();
    const joining = join();
    origin.follows[0]!.resolve({ ring, head: 5 });
    const { listener } = await joining;
    members.sessionEnded({ lastSeq: 6, reason: 'closed' });
    expect(listener.heard).toEqual(['end 6']);
  });

  it('detach it when the last one leaves, and attach it anew with the next one', async () => {
    const { origin, members, join } = listOf();
    const joining = [join(), join()];
    origin.follows[0]!.resolve({ ring, head: 5 });
    const [one, other] = await Promise.all(joining);
    members.leave(one!.listener);
    expect(origin.unfollowed).toBe(0);
    members.leave(other!.listener);
    expect(origin.unfollowed).toBe(1);
    const again = join();
    origin.follows[1]!.resolve({ ring, head: 8 });
    expect((await again).joined.head).toBe(8);
  });

  it('stay attached while somebody is joining', async () => {
    const { origin, members, join } = listOf();
    const first = join();
    origin.follows[0]!.resolve({ ring, head: 5 });
    const { listener } = await first;
    const second = join();
    members.leave(listener);
    await second;
    members.committed(6);
    expect([origin.unfollowed, members.size]).toEqual([0, 1]);
  });

  it('hear nothing after they have left', async () => {
    const { origin, members, join } = listOf();
    const joining = [join(), join()];
    origin.follows[0]!.resolve({ ring, head: 5 });
    const [one] = await Promise.all(joining);
    members.leave(one!.listener);
    members.committed(6);
    expect(one!.listener.heard).toEqual([]);
  });

  it('fail to join when the session cannot be followed, and try anew the next time', async () => {
    const { origin, join } = listOf();
    const failing = [join(), join()];
    origin.follows[0]!.reject(new Error('no such log'));
    for (const joining of failing) await expect(joining).rejects.toThrow('no such log');
    const again = join();
    await turn();
    origin.follows[1]!.resolve({ ring, head: 5 });
    expect((await again).joined.head).toBe(5);
  });

  it('are over when the last one has left a session that has ended, and not before it has', async () => {
    const { origin, members, join, overs } = listOf();
    const first = join();
    origin.follows[0]!.resolve({ ring, head: 5 });
    members.leave((await first).listener);
    expect(overs).toEqual([]);
    const joining = [join(), join()];
    origin.follows[1]!.resolve({ ring, head: 5 });
    const [one, other] = await Promise.all(joining);
    members.sessionEnded({ lastSeq: 5, reason: 'night', next: 'S2' });
    members.leave(one!.listener);
    expect(overs).toEqual([]);
    members.leave(other!.listener);
    expect(overs).toEqual([0]);
  });
});
