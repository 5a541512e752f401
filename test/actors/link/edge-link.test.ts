import { describe, expect, it } from 'vitest';
import { EdgeLink } from '../../../actors/link/edge-link.js';
import { Link } from '../../../actors/link/link.js';
import { RemoteOrigin } from '../../../actors/link/remote-origin.js';
import type { MainOrigin, OriginFacts } from '../../../actors/origin.js';
import type { PublishAnswer } from '../../../actors/publisher.js';
import type { Ref } from '../../../actors/runtime/index.js';
import type { SubscriptionStart } from '../../../actors/subscription.js';
import type { SubscriptionListProtocol } from '../../../actors/subscription-list.js';
import { encodePublishHeader, limits, ProtocolError, readPublish } from '../../../protocol/index.js';
import { stretchOf } from '../../../storage/index.js';
import { until } from '../../support/deadline.js';
import { texts } from '../../support/payloads.js';
import { TestOrigin, TestSubscription } from '../requests-stage.js';
import { blockOf, sessionOf, silent, socketPair, textsIn } from '../support.js';

/** A subscription list that keeps what it is told. */
class List {
  readonly told: unknown[] = [];
  readonly ref = this as unknown as Ref<SubscriptionListProtocol>;

  tell(topic: string, payload: unknown): void {
    this.told.push([topic, payload]);
  }
}

/** Main and an edge with a link between them, in one process. */
async function linked(main = new TestOrigin()) {
  const { near, far } = await socketPair();
  const feeds: TestSubscription[] = [];
  const closed: string[] = [];
  const subscribe = async (start: SubscriptionStart) => {
    feeds.push(new TestSubscription(start));
    return feeds[feeds.length - 1]!;
  };
  const mainLink: Link = new Link(near, {
    call: (message) => edgeLink.call(message),
    notice: (message) => edgeLink.notice(message),
    drained: () => edgeLink.drained(),
    closed: () => {
      closed.push('main');
      edgeLink.closed();
    },
  });
  const edgeLink = new EdgeLink(mainLink, 42, main as unknown as MainOrigin, subscribe, silent);
  near.resume();
  const link: Link = new Link(far, {
    call: () => Promise.reject(new Error('an edge answers no calls')),
    notice: (message) => edge.notice(message),
    closed: () => closed.push('edge'),
  });
  const { fields } = await link.call('facts', {});
  const edge = new RemoteOrigin(link, fields as unknown as OriginFacts, 1024 * 1024);
  return { main, edge, link, feeds, closed };
}

describe('an edge', () => {
  it('knows the facts of its server', async () => {
    const { edge } = await linked();
    expect([edge.durability, edge.sources, edge.closedSessions]).toEqual(['disk', ['main', 'other'], 'pull']);
  });

  it('has sessions rolled by its server', async () => {
    const { main, edge } = await linked();
    const rolled = await edge.roll({ source: 'main', session: 'S1', reason: 'closed' });
    expect(main.rolls).toEqual([{ source: 'main', session: 'S1', reason: 'closed', discard: false }]);
    expect(rolled).toMatchObject({ ended: { session: 'S1', reason: 'closed' }, opened: { session: 'S2' } });
  });

  it('asks main for the discarded sessions alone', async () => {
    const { main, edge } = await linked();
    const discarded = sessionOf({ session: 'S0', state: 'ended', discarded: true });
    main.summaries = [discarded, sessionOf()];
    expect(await edge.sessions({ discarded: true })).toEqual([discarded]);
    expect(await edge.sessions()).toHaveLength(2);
  });

  it('asks main for sessions, and gets its errors', async () => {
    const { edge } = await linked();
    expect(await edge.sessions()).toEqual([sessionOf()]);
    expect(await edge.sessions({ source: 'main' })).toEqual([sessionOf()]);
    expect(await edge.sessions({ source: 'main', session: 'S1' })).toEqual([sessionOf()]);
    const none = edge.sessions({ source: 'main', session: 'none' });
    await expect(none).rejects.toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
    expect(await edge.findSession('main', '')).toEqual(sessionOf());
    const unknown = await edge.findSession('main', 'none').catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(ProtocolError);
    expect(unknown).toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
    expect(await edge.inspect()).toEqual({ pid: 1 });
    const request = { action: 'archive', source: 'main', session: 'S1' } as const;
    expect(await edge.archive(request)).toEqual({ session: sessionOf(), messages: 10, losses: [] });
    await expect(edge.archive({ ...request, session: 'none' })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
  });

  it('is told of as many members as an answer holds, however many a group has', async () => {
    const member = {
      group: 'g'.repeat(64),
      state: 'away',
      cursor: 1,
      lag: 2,
      seenMs: 3,
      joinedMs: 4,
      tdMs: 5,
    } as const;
    const names = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(64, '0'));
    const main = Object.assign(new TestOrigin(), {
      members: async () => names.map((participant) => ({ ...member, participant })),
    });
    const { edge, closed } = await linked(main);
    expect((await edge.members()).map(({ participant }) => participant)).toEqual(names.slice(0, limits.memberListMax));
    expect(closed).toEqual([]);
  });

  it('reads pages from main, blocks and losses', async () => {
    const { main, edge } = await linked();
    const page = {
      stretches: [stretchOf(blockOf(1, 2))],
      lost: { from: 3, to: 4, reason: 'corrupt' as const },
      next: 5,
    };
    const asked: number[][] = [];
    main.read = async (...range) => {
      asked.push(range);
      return page;
    };
    expect(await edge.read(7, 1, 9)).toEqual(page);
    expect(asked).toEqual([[7, 1, 9]]);
  });

  it('follows a log behind the number that was its last one, in a ring of its own', async () => {
    const { edge, feeds } = await linked();
    const list = new List();
    const { ring, head, end } = await edge.follow(7, list.ref);
    expect([head, end, ring.firstSeq]).toEqual([10, undefined, 11]);
    await until(() => feeds.length === 1, 'the feed');
    expect(feeds[0]!.start).toMatchObject({ next: 11, pull: false, client: 'edge 42' });
    feeds[0]!.start.outlet.write([blockOf(11, 2), blockOf(13, 1)]);
    await until(() => list.told.length === 1, 'the blocks');
    expect(list.told).toEqual([['committed', { seq: 13 }]]);
    expect(textsIn(ring.take(11, 1_000))).toEqual(['11', '12', '13']);
  });

  it('goes on behind what main could not deliver: its ring starts anew', async () => {
    const { edge, feeds } = await linked();
    const list = new List();
    const { ring } = await edge.follow(7, list.ref);
    await until(() => feeds.length === 1, 'the feed');
    const { outlet } = feeds[0]!.start;
    outlet.write([blockOf(11, 2)]);
    outlet.send({ type: 'LOST', log: 7, from: 13, to: 20, reason: 'corrupt' });
    outlet.write([blockOf(21, 1)]);
    await until(() => list.told.length === 3, 'all of it');
    expect(list.told).toEqual([12, 20, 21].map((seq) => ['committed', { seq }]));
    expect([ring.firstSeq, ring.lastSeq]).toEqual([21, 21]);
  });

  it('hears of the end of a session, also when it is over before', async () => {
    const { main, edge, feeds } = await linked();
    const list = new List();
    await edge.follow(7, list.ref);
    await until(() => feeds.length === 1, 'the feed');
    const end = { lastSeq: 10, reason: 'closed', discarded: true, next: 'S2' };
    feeds[0]!.start.outlet.send({ type: 'END_OF_SESSION', log: 7, session: 'S1', ...end });
    await until(() => list.told.length === 1, 'the end');
    expect(list.told).toEqual([['sessionEnded', end]]);
    edge.unfollow(7);
    main.summaries = [sessionOf({ state: 'ended', reason: 'closed', discarded: true, next: 'S2' })];
    expect(await edge.follow(7, list.ref)).toMatchObject({ head: 10, end });
    expect(feeds).toHaveLength(1);
  });

  it('is told the end of a session that was removed between its answer and the wish to follow it', async () => {
    const { main, edge } = await linked();
    const { log } = await edge.findSession('main', 'S1');
    main.summaries = [];
    main.removed = [sessionOf({ state: 'ended', reason: 'closed', firstSeq: 11, removedMs: 9, next: 'S2' })];
    const end = { lastSeq: 10, reason: 'closed', next: 'S2' };
    expect(await edge.follow(log, new List().ref)).toMatchObject({ head: 10, end });
  });

  it('gets nothing more of a log it has unfollowed, and a new ring when it follows it again', async () => {
    const { main, edge, feeds } = await linked();
    const first = await edge.follow(7, new List().ref);
    edge.unfollow(7);
    main.summaries = [sessionOf({ lastSeq: 12 })];
    const list = new List();
    const again = await edge.follow(7, list.ref);
    await until(() => feeds.length === 2, 'the second feed');
    expect([feeds[0]!.stops, feeds[1]!.stops]).toEqual([1, 0]);
    expect([again.head, again.ring === first.ring]).toEqual([12, false]);
    feeds[1]!.start.outlet.write([blockOf(13, 1)]);
    await until(() => list.told.length === 1, 'the block');
    expect(again.ring.lastSeq).toBe(13);
  });

  it('leaves no feed behind when it follows, unfollows and follows in one turn; what the first one sends is for nobody', async () => {
    const { edge, feeds } = await linked();
    void edge.follow(7, new List().ref);
    edge.unfollow(7);
    const list = new List();
    const { ring } = await edge.follow(7, list.ref);
    await until(() => feeds.length === 2 && feeds[0]!.stops === 1, 'the first feed to stop');
    feeds[0]!.start.outlet.write([blockOf(11, 2)]);
    feeds[1]!.start.outlet.write([blockOf(11, 1)]);
    await until(() => list.told.length === 1, 'the block of the second feed');
    expect(list.told).toEqual([['committed', { seq: 11 }]]);
    expect([ring.lastSeq, feeds[1]!.stops]).toEqual([11, 0]);
  });

  it('passes publishes on as they came, and their answers back', async () => {
    const { main, edge } = await linked();
    const answers: PublishAnswer[] = [];
    const dropped: [number, number][] = [];
    let taken = 0;
    const owner = {
      answer: (answer: PublishAnswer) => answers.push(answer),
      dropped: (first: number, last: number) => dropped.push([first, last]),
      takenOver: () => (taken += 1),
      gone: () => false,
    };
    const opened = await edge.openPublisher({ source: 'main', publisher: 'p', durability: 'os' }, owner);
    expect(opened.published).toBe(5);
    const payloads = texts('a', 'b');
    const frame = Buffer.concat([encodePublishHeader(6, '', payloads), payloads.bytes]);
    opened.publish(readPublish(frame));
    await until(() => main.published.length === 1, 'the publish');
    expect(main.published[0]).toMatchObject({ number: 6, payloads, frame });
    main.owner!.answer({ type: 'ACKNOWLEDGED', number: 6, runs: [[6, 1, 11, 2]] } as never);
    main.owner!.dropped(7, 9);
    main.owner!.takenOver();
    await until(() => taken === 1, 'the takeover');
    expect(dropped).toEqual([[7, 9]]);
    expect(answers).toEqual([{ type: 'ACKNOWLEDGED', number: 6, runs: [[6, 1, 11, 2]] }]);
    opened.close();
    await until(() => main.closedPublishers === 1, 'the end of the publisher');
  });

  it('leaves nothing behind in main when it goes', async () => {
    const { main, edge, link, feeds, closed } = await linked();
    await edge.follow(7, new List().ref);
    await edge.openPublisher(
      { source: 'main', publisher: 'p', durability: 'os' },
      { answer: () => {}, dropped: () => {}, takenOver: () => {}, gone: () => false },
    );
    await until(() => feeds.length === 1, 'the feed');
    link.close();
    await until(() => closed.length === 2, 'both ends to know');
    await until(() => feeds[0]!.stops === 1, 'the end of the feed');
    expect(main.closedPublishers).toBe(1);
  });

  it('is cut off, to be started anew, when a feed of it ends or cannot start', async () => {
    const broken = await linked();
    await broken.edge.follow(7, new List().ref);
    await until(() => broken.feeds.length === 1, 'the feed');
    broken.feeds[0]!.start.outlet.send({ type: 'UNSUBSCRIBED', log: 7, code: 'ERR_REWIND_FAILED' });
    await until(() => broken.closed.length === 2, 'both ends to know');

    const unknown = await linked();
    void unknown.edge.follow(99, new List().ref);
    await until(() => unknown.closed.length === 2, 'both ends to know');
  });

  it('is told that its feed may go on when it has taken what was queued', async () => {
    const { edge, feeds } = await linked();
    await edge.follow(7, new List().ref);
    await until(() => feeds.length === 1, 'the feed');
    const { outlet } = feeds[0]!.start;
    let next = 11;
    while (outlet.hasRoom) {
      outlet.write([blockOf(next, 1_000)]);
      next += 1_000;
    }
    expect(outlet.queuedBytes).toBeGreaterThanOrEqual(1024 * 1024);
    await until(() => feeds[0]!.drains > 0, 'the queue to drain');
    expect(outlet.hasRoom).toBe(true);
  });
});
