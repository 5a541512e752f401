import { describe, expect, it, vi } from 'vitest';
import type { Followed } from '../../actors/origin.js';
import type { OpenRewind, RewindReceiver, Rewinds } from '../../actors/rewinds.js';
import SubscriptionActor from '../../actors/subscription.js';
import type { SubscriptionMembers } from '../../actors/subscription-members.js';
import type { SessionSummary } from '../../protocol/index.js';
import { Ring, stretchOf } from '../../storage/index.js';
import { turn, until } from '../support/deadline.js';
import { startSystem } from './actor-system.js';
import { blockOf, deferred, sessionOf, TestOutlet, textsIn } from './support.js';

interface TestRewind extends OpenRewind {
  receiver: RewindReceiver;
  reads: number[];
  closed: boolean;
}

/** Rewinds that answer when the test says so. */
class TestRewinds implements Rewinds {
  readonly opened: TestRewind[] = [];
  refusing = 0;

  get size(): number {
    return this.opened.filter(({ closed }) => !closed).length;
  }

  get last(): TestRewind {
    return this.opened[this.opened.length - 1]!;
  }

  async open(_log: number, receiver: RewindReceiver): Promise<OpenRewind> {
    if (this.refusing > 0) {
      this.refusing -= 1;
      throw new Error('no rewinds here');
    }
    const rewind: TestRewind = {
      receiver,
      reads: [],
      closed: false,
      read: (from) => rewind.reads.push(from),
      close: () => {
        rewind.closed = true;
      },
    };
    this.opened.push(rewind);
    return rewind;
  }
}

/** Blocks [1..2] [3..4] [5..6]; the ring holds the last one. */
const blocks = [blockOf(1, 2), blockOf(3, 2), blockOf(5, 2)];

function ringOf(): Ring {
  const ring = new Ring(1, 1);
  for (const block of blocks) ring.push(block);
  return ring;
}

interface Wish {
  next?: number;
  session?: SessionSummary;
  pull?: boolean;
  followed?: Promise<Followed>;
}

/** A Subscription to messages 1..6 with everything around it in the hands of the test. */
async function start({ next = 1, session = sessionOf({ lastSeq: 6 }), pull = false, followed }: Wish = {}) {
  const system = await startSystem();
  const outlet = new TestOutlet();
  const rewinds = new TestRewinds();
  const left: unknown[] = [];
  let joined: SubscriptionActor | undefined;
  const members = {
    join: async (step: (followed: Followed) => SubscriptionActor) => {
      joined = step(await (followed ?? Promise.resolve({ ring: ringOf(), head: 6 })));
      return joined;
    },
    leave: (member: unknown) => left.push(member),
  } as unknown as SubscriptionMembers;
  const over = vi.fn();
  const ended = vi.fn();
  const ref = await system.spawn(
    { actor: SubscriptionActor },
    {
      name: 'Subscription',
      parameters: {
        start: { session, next, pull, client: 'test', outlet, over },
        ...(!pull && { members }),
        rewinds,
        ended,
      },
    },
  );
  const open = await ref.ask('begin', { self: ref }, { timeoutMs: 5_000 });
  return { ref, open, outlet, rewinds, left, over, ended, member: () => joined! };
}

type Stage = Awaited<ReturnType<typeof start>>;

async function asked({ rewinds }: Stage, times = 1): Promise<TestRewind> {
  await until(() => rewinds.opened.length === times && rewinds.last.reads.length > 0, 'a page to be asked for');
  return rewinds.last;
}

describe('a subscription', () => {
  it('is rewound from the log into the live stream and follows it', async () => {
    const stage = await start({ next: 2 });
    const rewind = await asked(stage);
    rewind.receiver.page({ stretches: blocks.slice(0, 2).map(stretchOf), next: 5 });
    await until(() => stage.outlet.sent.length > 0, 'LIVE');
    expect(textsIn(stage.outlet.written)).toEqual(['2', '3', '4', '5', '6']);
    expect(stage.outlet.sent).toEqual([{ type: 'LIVE', log: 7, seq: 6 }]);
    expect(rewind.closed).toBe(true);
    expect(stage.open.inspect()).toMatchObject({ state: 'live', next: 7, head: 6, rewindRestarts: 0, client: 'test' });
  });

  it('waits while its client has no room, and goes on when it has', async () => {
    const ring = ringOf();
    const stage = await start({ next: 5, followed: Promise.resolve({ ring, head: 6 }) });
    await until(() => stage.outlet.sent.length === 1, 'LIVE');
    stage.outlet.hasRoom = false;
    ring.push(blockOf(7, 2));
    stage.member().committed(8);
    expect([stage.open.inspect().state, stage.open.inspect().next]).toEqual(['draining', 7]);
    stage.outlet.hasRoom = true;
    stage.open.drained();
    expect([stage.open.inspect().state, textsIn(stage.outlet.written)]).toEqual(['live', ['5', '6', '7', '8']]);
  });

  it('tells of messages that are lost', async () => {
    const stage = await start();
    (await asked(stage)).receiver.page({ stretches: [], lost: { from: 1, to: 4, reason: 'corrupt' }, next: 5 });
    await until(() => stage.outlet.sent.length === 2, 'LIVE');
    expect(stage.outlet.sent).toEqual([
      { type: 'LOST', log: 7, from: 1, to: 4, reason: 'corrupt' },
      { type: 'LIVE', log: 7, seq: 6 },
    ]);
  });

  it('starts a new rewind at its next number when one fails', async () => {
    const stage = await start();
    const first = await asked(stage);
    first.receiver.page({ stretches: [stretchOf(blocks[0]!)], next: 3 });
    await until(() => first.reads.length === 2, 'the second page to be asked for');
    first.receiver.failed(new Error('crashed'));
    const second = await asked(stage, 2);
    expect([first.reads, second.reads, first.closed]).toEqual([[1, 3], [3], true]);
    second.receiver.page({ stretches: [stretchOf(blocks[1]!)], next: 5 });
    await until(() => stage.outlet.sent.length === 1, 'LIVE');
    expect(textsIn(stage.outlet.written)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(stage.open.inspect().rewindRestarts).toBe(1);
  });

  it('takes nothing from a rewind that was replaced', async () => {
    const stage = await start();
    const first = await asked(stage);
    first.receiver.failed(new Error('crashed'));
    const second = await asked(stage, 2);
    first.receiver.page({ stretches: [stretchOf(blocks[0]!)], next: 3 });
    first.receiver.failed(new Error('crashed again'));
    second.receiver.page({ stretches: blocks.slice(0, 2).map(stretchOf), next: 5 });
    await until(() => stage.outlet.sent.length === 1, 'LIVE');
    expect(textsIn(stage.outlet.written)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(stage.rewinds.opened).toHaveLength(2);
  });

  it('tries again when no rewind can be opened', async () => {
    const stage = await start();
    stage.rewinds.refusing = 1;
    const rewind = await asked(stage);
    expect(rewind.reads).toEqual([1]);
  });

  it('ends with a code when its rewinds fail again and again, and nobody else is concerned', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const stage = await start();
      for (let failures = 1; failures <= 11; failures += 1) {
        const rewind = await asked(stage, failures);
        rewind.receiver.failed(new Error('crashed'));
        await turn();
        await vi.advanceTimersByTimeAsync(2_000);
      }
      await turn();
      expect(stage.outlet.sent).toMatchObject([
        { type: 'UNSUBSCRIBED', log: 7, code: 'ERR_REWIND_FAILED', remedy: 'retry' },
      ]);
      expect([stage.over.mock.calls.length, stage.ended.mock.calls.length, stage.open.over]).toEqual([1, 1, true]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends alone, with a code, when it is given what does not fit', async () => {
    const stage = await start();
    (await asked(stage)).receiver.page({ stretches: [stretchOf(blocks[1]!)], next: 5 });
    await until(() => stage.outlet.sent.length === 1, 'the end of the subscription');
    expect(stage.outlet.sent[0]).toMatchObject({ type: 'UNSUBSCRIBED', code: 'ERR_INTERNAL' });
    expect(stage.outlet.written).toEqual([]);
    expect(stage.left).toHaveLength(1);
  });

  it('ends with a code when the log cannot be followed', async () => {
    const followed = deferred<Followed>();
    const stage = await start({ followed: followed.promise });
    await turn();
    followed.reject(new Error('no such log'));
    await until(() => stage.outlet.sent.length === 1, 'the end of the subscription');
    expect(stage.outlet.sent[0]).toMatchObject({ type: 'UNSUBSCRIBED', code: 'ERR_INTERNAL' });
  });

  it('ends behind the last message of its session', async () => {
    const stage = await start({ next: 5 });
    await until(() => stage.outlet.sent.length === 1, 'LIVE');
    stage.member().sessionEnded({ lastSeq: 6, reason: 'closed' });
    expect(stage.outlet.sent[1]).toEqual({
      type: 'END_OF_SESSION',
      log: 7,
      session: 'S1',
      lastSeq: 6,
      reason: 'closed',
    });
    expect([stage.open.over, stage.left.length, stage.over.mock.calls.length]).toEqual([true, 1, 1]);
  });

  it('pulls a session that has ended from the log and never joins the broadcast', async () => {
    const session = sessionOf({ state: 'ended', lastSeq: 4, reason: 'closed' });
    const stage = await start({ session, pull: true });
    (await asked(stage)).receiver.page({ stretches: blocks.slice(0, 2).map(stretchOf), next: 5 });
    await until(() => stage.outlet.sent.length === 1, 'the end');
    expect(textsIn(stage.outlet.written)).toEqual(['1', '2', '3', '4']);
    expect(stage.outlet.sent).toMatchObject([{ type: 'END_OF_SESSION', lastSeq: 4 }]);
    expect(stage.rewinds.size).toBe(0);
  });

  it('ends at once when it is stopped, and closes its rewind', async () => {
    const stage = await start();
    const rewind = await asked(stage);
    stage.open.stop();
    stage.open.stop();
    rewind.receiver.page({ stretches: [stretchOf(blocks[0]!)], next: 3 });
    rewind.receiver.failed(new Error('late'));
    await until(() => rewind.closed, 'the rewind to be closed');
    await turn();
    expect([stage.outlet.written, stage.outlet.sent]).toEqual([[], []]);
    expect([stage.ended.mock.calls.length, stage.rewinds.opened.length]).toEqual([1, 1]);
  });

  it('delivers nothing when it is stopped while it joins a session that has ended', async () => {
    const followed = deferred<Followed>();
    const stage = await start({ followed: followed.promise });
    await turn();
    stage.open.stop();
    followed.resolve({ ring: ringOf(), head: 6, end: { lastSeq: 6, reason: 'closed' } });
    await until(() => stage.left.length > 1, 'the late join to be undone');
    await turn();
    expect([stage.outlet.written, stage.outlet.sent, stage.rewinds.opened]).toEqual([[], [], []]);
  });

  it('asks for nothing of an ended session when it is stopped as soon as it has begun', async () => {
    const session = sessionOf({ state: 'ended', lastSeq: 4 });
    const stage = await start({ session, pull: true });
    stage.open.stop();
    await turn();
    await turn();
    expect([stage.rewinds.size, stage.outlet.sent]).toEqual([0, []]);
  });
});
