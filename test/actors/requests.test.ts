import { describe, expect, it } from 'vitest';
import { type ClientMessage, encodeMessage, limits } from '../../protocol/index.js';
import { type Page, stretchOf } from '../../storage/index.js';
import { turn, until } from '../support/deadline.js';
import { Stage } from './requests-stage.js';
import { blockOf, filled, sessionOf } from './support.js';

describe('a login', () => {
  it('is answered with what the server is, and with the last number of the publisher', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    expect(stage.heard[0]).toMatchObject({
      type: 'LOGGED_IN',
      version: 1,
      server: 'test/1',
      source: 'main',
      durability: 'disk',
      published: 5,
      publishesInFlightMax: limits.publishesInFlightMax,
    });
  });

  const refused: [string, ClientMessage, string][] = [
    ['a client of another version', { type: 'LOGIN', versions: [2, 3] }, 'ERR_VERSION'],
    ['a source that is not served', { type: 'LOGIN', versions: [1], source: 'none' }, 'ERR_UNKNOWN_SOURCE'],
    ['anything before it', { type: 'HEARTBEAT' }, 'ERR_LOGIN_REQUIRED'],
  ];
  it.each(refused)('is refused for %s', async (_what, message, code) => {
    const stage = await Stage.start();
    stage.say(message);
    expect(await stage.hears('ERROR')).toMatchObject({ code, remedy: 'never' });
  });

  it('comes once', async () => {
    const stage = await Stage.start({});
    stage.say({ type: 'LOGIN', versions: [1] });
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_ALREADY_LOGGED_IN' });
  });

  it('may bring the first subscription along, whose rejection does not undo it', async () => {
    const stage = await Stage.start({ subscribe: { request: 9, from: 3 } });
    expect(await stage.hears('SUBSCRIBED')).toMatchObject({
      request: 9,
      log: 7,
      from: 3,
      lastSeq: 10,
      state: 'active',
    });
    const other = await Stage.start({ subscribe: { request: 9, session: 'none' } });
    expect(await other.hears('REJECTED')).toMatchObject({ request: 9, code: 'ERR_UNKNOWN_SESSION' });
    other.subscribe(10);
    await other.hears('SUBSCRIBED');
  });

  it('is refused for a publish before it', async () => {
    const stage = await Stage.start();
    stage.publish(1);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  });
});

describe('a subscription of a connection', () => {
  it('that follows goes on with the session behind when its session has ended, from 1', async () => {
    const stage = await Stage.start({});
    stage.subscribe(1, { from: 3, epoch: sessionOf().epoch, follow: true });
    await stage.hears('SUBSCRIBED');
    const over = sessionOf({ state: 'ended', next: 'S2' });
    stage.origin.summaries = [over, sessionOf({ session: 'S2', log: 8, epoch: 'e2', lastSeq: 4 })];
    stage.subscriptions[0]!.start.over({ lastSeq: 10, reason: 'night', next: 'S2' });
    expect(await stage.hears('SUBSCRIBED', 2)).toMatchObject({
      request: 1,
      log: 8,
      session: 'S2',
      from: 1,
      lastSeq: 4,
    });
    expect(stage.subscriptions[1]!.start).toMatchObject({ next: 1, pull: false });
    stage.subscriptions[1]!.start.over({ lastSeq: 4, reason: 'night' });
    stage.subscribe(2, { session: 'S2' });
    await stage.hears('SUBSCRIBED', 3);
  });

  it('that follows is given a session that has ended as well, also where new requests for one are rejected', async () => {
    const stage = await Stage.start({});
    stage.origin.closedSessions = 'reject';
    stage.subscribe(1, { follow: true });
    await stage.hears('SUBSCRIBED');
    const over = sessionOf({ state: 'ended', next: 'S2' });
    stage.origin.summaries = [over, sessionOf({ session: 'S2', log: 8, state: 'ended', next: 'S3' })];
    stage.subscriptions[0]!.start.over({ lastSeq: 10, reason: 'night', next: 'S2' });
    expect(await stage.hears('SUBSCRIBED', 2)).toMatchObject({ log: 8, state: 'ended' });
    expect(stage.subscriptions[1]!.start).toMatchObject({ next: 1, pull: true });
    stage.subscribe(2, { session: 'S1', from: 1 });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 2, code: 'ERR_SESSION_ENDED' });
    stage.say({ type: 'REREQUEST', request: 3, session: 'S1', from: 1, to: 2 });
    expect(await stage.hears('REJECTED', 2)).toMatchObject({ request: 3, code: 'ERR_SESSION_ENDED' });
    stage.subscribe(4, { session: 'S1', from: 11, epoch: over.epoch });
    expect(await stage.hears('SUBSCRIBED', 3)).toMatchObject({ request: 4, from: 11 });
  });

  it('that follows is told when it cannot have the session behind', async () => {
    const stage = await Stage.start({});
    stage.subscribe(1, { follow: true });
    await stage.hears('SUBSCRIBED');
    stage.subscriptions[0]!.start.over({ lastSeq: 10, reason: 'night', next: 'S2' });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 1, code: 'ERR_UNKNOWN_SESSION' });
  });

  it.each([
    ['does not follow', false, 'S2'],
    ['has no session behind it', true, undefined],
  ])('is over with its session when it %s', async (_why, follow, next) => {
    const stage = await Stage.start({});
    stage.subscribe(1, { follow });
    await stage.hears('SUBSCRIBED');
    stage.subscriptions[0]!.start.over({ lastSeq: 10, reason: 'night', ...(next !== undefined && { next }) });
    stage.say({ type: 'INSPECT', request: 2 });
    await stage.hears('INSPECTION');
    expect(stage.subscriptions).toHaveLength(1);
  });

  it('has its session rolled on request', async () => {
    const stage = await Stage.start({});
    stage.say({ type: 'ROLL', request: 5, session: 'S1', reason: 'night', discard: true });
    expect(await stage.hears('ROLLED')).toMatchObject({
      request: 5,
      ended: { reason: 'night' },
      opened: { session: 'S2' },
    });
    expect(stage.origin.rolls).toEqual([{ source: 'main', session: 'S1', reason: 'night', discard: true }]);
  });

  it('starts where it was asked to', async () => {
    const stage = await Stage.start({ client: 'me' });
    stage.subscribe(1, { from: 0 });
    await stage.hears('SUBSCRIBED');
    expect(stage.subscriptions[0]!.start).toMatchObject({ next: 10, pull: false, client: 'me' });
  });

  it('pulls a session that has ended', async () => {
    const stage = await Stage.start({});
    stage.origin.summaries = [sessionOf({ state: 'ended' })];
    stage.subscribe(1, { from: 1 });
    expect(await stage.hears('SUBSCRIBED')).toMatchObject({ state: 'ended', from: 1 });
    expect(stage.subscriptions[0]!.start.pull).toBe(true);
  });

  it('is answered with RESET for a position of another epoch, and does not exist', async () => {
    const stage = await Stage.start({});
    stage.subscribe(1, { from: 3, epoch: 'before' });
    const { epoch } = sessionOf();
    expect(await stage.hears('RESET')).toMatchObject({ request: 1, session: 'S1', epoch, firstSeq: 1, lastSeq: 10 });
    expect(stage.subscriptions).toEqual([]);
  });

  it('is the only one of its log, until it is unsubscribed or over', async () => {
    const stage = await Stage.start({});
    stage.subscribe(1);
    stage.subscribe(2);
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 2, code: 'ERR_ALREADY_SUBSCRIBED' });
    stage.say({ type: 'UNSUBSCRIBE', log: 7 });
    expect(await stage.hears('UNSUBSCRIBED')).toEqual({ type: 'UNSUBSCRIBED', log: 7 });
    expect(stage.subscriptions[0]!.stops).toBe(1);
    stage.subscribe(3);
    await stage.hears('SUBSCRIBED', 2);
    stage.subscriptions[1]!.stop();
    stage.subscribe(4);
    await stage.hears('SUBSCRIBED', 3);
  });

  it('may be unsubscribed when it has just ended by itself', async () => {
    const stage = await Stage.start({});
    stage.say({ type: 'UNSUBSCRIBE', log: 3 });
    expect(await stage.hears('UNSUBSCRIBED')).toEqual({ type: 'UNSUBSCRIBED', log: 3 });
  });

  it('is rejected when there are 64 already', async () => {
    const stage = await Stage.start({});
    const count = limits.subscriptionsPerConnectionMax;
    stage.origin.summaries = Array.from({ length: count + 1 }, (_, index) =>
      sessionOf({ log: index + 1, session: `S${index + 1}` }),
    );
    for (let request = 1; request <= count + 1; request += 1) stage.subscribe(request, { session: `S${request}` });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: count + 1, code: 'ERR_TOO_MANY_SUBSCRIPTIONS' });
    expect(stage.subscriptions).toHaveLength(count);
  });

  it('is stopped when the client goes', async () => {
    const stage = await Stage.start({});
    stage.subscribe(1);
    await stage.hears('SUBSCRIBED');
    stage.client.destroy();
    await until(() => stage.subscriptions[0]!.stops === 1, 'the end of the subscription');
  });
});

describe('a rerequest', () => {
  it('is answered with the range and a notice of its end', async () => {
    const stage = await Stage.start({});
    stage.say({ type: 'REREQUEST', request: 4, from: 2, to: 5 });
    expect(await stage.hears('RETRANSMITTED')).toEqual({
      type: 'RETRANSMITTED',
      request: 4,
      from: 2,
      to: 5,
      messages: 4,
    });
    expect(stage.blocks).toHaveLength(1);
  });

  const rejected: [string, { from: number; to: number; session?: string }, string][] = [
    ['a range that ends before it starts', { from: 5, to: 4 }, 'ERR_BAD_MESSAGE'],
    ['number 0', { from: 0, to: 4 }, 'ERR_BAD_MESSAGE'],
    ['a range beyond the last number', { from: 5, to: 11 }, 'ERR_BEYOND_NEXT'],
    ['a session that does not exist', { from: 1, to: 2, session: 'none' }, 'ERR_UNKNOWN_SESSION'],
  ];
  it.each(rejected)('is rejected for %s', async (_what, range, code) => {
    const stage = await Stage.start({});
    stage.say({ type: 'REREQUEST', request: 4, ...range });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 4, code });
  });

  it('is rejected when the log cannot be read, and the connection goes on', async () => {
    const stage = await Stage.start({});
    stage.origin.read = () => Promise.reject(new Error('no disk'));
    stage.say({ type: 'REREQUEST', request: 4, from: 1, to: 2 });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 4, code: 'ERR_REWIND_FAILED', remedy: 'retry' });
    stage.subscribe(1);
    await stage.hears('SUBSCRIBED');
  });

  it('is rejected when four are being answered', async () => {
    const stage = await Stage.start({});
    const pages: (() => void)[] = [];
    const page: Page = { stretches: [stretchOf(blockOf(1, 10))], next: 11 };
    stage.origin.read = () => new Promise((resolve) => pages.push(() => resolve(page)));
    for (const request of [1, 2, 3, 4, 5]) stage.say({ type: 'REREQUEST', request, from: 1, to: 2 });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 5, code: 'ERR_TOO_MANY_REREQUESTS' });
    for (const answer of pages) answer();
    await stage.hears('RETRANSMITTED', 4);
    stage.say({ type: 'REREQUEST', request: 6, from: 1, to: 2 });
    await until(() => pages.length === 5, 'another one to be taken');
  });
});

describe('publishes of a connection', () => {
  it('are passed on in order, and their answers come back', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    stage.publish(6, 7);
    await until(() => stage.publishedNumbers.length === 2, 'two publishes');
    stage.answer({ type: 'ACKNOWLEDGED', number: 7, runs: [[6, 2, 11, 1]] });
    expect(await stage.hears('ACKNOWLEDGED')).toMatchObject({ number: 7, runs: [[6, 2, 11, 1]] });
    expect([stage.publishedNumbers, stage.budget.bytes]).toEqual([[6, 7], 0]);
  });

  it('need a publisher id', async () => {
    const stage = await Stage.start({});
    stage.publish(1);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_NOT_A_PUBLISHER' });
  });

  it('are not read while 1 MiB of them has no answer', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    const quarter = filled(1, limits.publishWindowBytes / 4);
    for (let number = 1; number <= 6; number += 1) stage.publishPayloads(number, quarter);
    await until(() => stage.publishedNumbers.length === 4, 'a full window');
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(stage.publishedNumbers).toEqual([1, 2, 3, 4]);
    stage.answer({ type: 'ACKNOWLEDGED', number: 1 });
    await until(() => stage.publishedNumbers.length === 5, 'one more');
    stage.answer({ type: 'ACKNOWLEDGED', number: 5 });
    await until(() => stage.publishedNumbers.length === 6, 'the last one');
  });

  it('are not read while the budget of all connections is used up, and are when others have freed it', async () => {
    const stage = await Stage.start({ publisher: 'p' }, 100);
    stage.budget.take(100);
    stage.publish(1, 2);
    await until(() => stage.publishedNumbers.length === 1, 'the first one');
    for (let turns = 0; turns < 20; turns += 1) await turn();
    stage.answer({ type: 'ACKNOWLEDGED', number: 1 });
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(stage.publishedNumbers).toEqual([1]);
    stage.budget.release(100);
    await until(() => stage.publishedNumbers.length === 2, 'the second one');
  });

  it('are read on when those behind a refused one are dropped', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    const quarter = filled(1, limits.publishWindowBytes / 4);
    for (let number = 1; number <= 6; number += 1) stage.publishPayloads(number, quarter);
    await until(() => stage.publishedNumbers.length === 4, 'a full window');
    stage.answer({ type: 'REFUSED', number: 1 });
    expect(await stage.hears('REFUSED')).toMatchObject({ number: 1, code: 'ERR_NOT_WRITTEN', remedy: 'retry' });
    await until(() => stage.publishedNumbers.length === 5, 'room for one more');
    stage.origin.owner!.dropped(2, 4);
    await until(() => stage.publishedNumbers.length === 6, 'room for the last one');
    expect(stage.publishedNumbers).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('end with the connection that a newer login takes them from', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    stage.origin.owner!.takenOver();
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER', remedy: 'never' });
    await until(() => stage.client.destroyed || stage.client.readableEnded, 'the end of the connection');
  });

  it('give their budget back when the client goes', async () => {
    const stage = await Stage.start({ publisher: 'p' });
    stage.publish(1, 2);
    await until(() => stage.publishedNumbers.length === 2, 'two publishes');
    stage.client.destroy();
    await until(() => stage.origin.closedPublishers === 1, 'the end of the publisher');
    expect(stage.budget.bytes).toBe(0);
  });
});

describe('other requests', () => {
  it('list the sessions and the state of the server', async () => {
    const stage = await Stage.start({});
    stage.say({ type: 'SESSIONS', request: 1 }, { type: 'INSPECT', request: 2 }, { type: 'HEARTBEAT' });
    expect(await stage.hears('SESSION_LIST')).toEqual({ type: 'SESSION_LIST', request: 1, sessions: [sessionOf()] });
    expect(await stage.hears('INSPECTION')).toEqual({ type: 'INSPECTION', request: 2, state: { pid: 1 } });
  });

  it('find one session by its name, however many there are', async () => {
    const stage = await Stage.start({});
    stage.origin.summaries = Array.from({ length: 1_200 }, (_, log) => sessionOf({ log, session: `S${log}` }));
    stage.say({ type: 'SESSIONS', request: 1, session: 'S7' }, { type: 'SESSIONS', request: 2, session: 'none' });
    const sessions = [sessionOf({ log: 7, session: 'S7' })];
    expect(await stage.hears('SESSION_LIST')).toEqual({ type: 'SESSION_LIST', request: 1, sessions });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 2, code: 'ERR_UNKNOWN_SESSION' });
  });

  it('list as many of the newest sessions as a frame holds, however long their reasons are', async () => {
    const stage = await Stage.start({});
    const reason = 'é'.repeat(256);
    const ended = { state: 'ended', reason, discarded: true, discardReason: reason } as const;
    stage.origin.summaries = Array.from({ length: 1_200 }, (_, log) => sessionOf({ ...ended, log }));
    stage.say({ type: 'SESSIONS', request: 1 });
    const { sessions } = await stage.hears('SESSION_LIST');
    expect(sessions.length).toBeGreaterThan(800);
    expect(sessions.map(({ log }) => log)).toEqual(sessions.map((_, index) => 1_200 - sessions.length + index));
    const terse = await Stage.start({});
    terse.origin.summaries = Array.from({ length: 1_200 }, (_, log) => sessionOf({ log }));
    terse.say({ type: 'SESSIONS', request: 1 });
    expect((await terse.hears('SESSION_LIST')).sessions).toHaveLength(1_000);
  });

  it('go on while a session is archived, which may take hours', async () => {
    const stage = await Stage.start({});
    let done!: () => void;
    stage.origin.archiving = new Promise((resolve) => {
      done = resolve;
    });
    stage.say({ type: 'ARCHIVE', request: 1, action: 'archive', session: 'S1', source: 'other' });
    stage.say({ type: 'ARCHIVE', request: 2, action: 'verify', session: 'none' }, { type: 'INSPECT', request: 3 });
    expect(await stage.hears('INSPECTION')).toMatchObject({ request: 3 });
    done();
    const session = { ...sessionOf(), source: 'other' };
    expect(await stage.hears('SESSION_REPORT')).toMatchObject({ request: 1, session, messages: 10, losses: [] });
    expect(await stage.hears('REJECTED')).toMatchObject({ request: 2, code: 'ERR_UNKNOWN_SESSION' });
  });

  it('close the connection when they are not what a client sends', async () => {
    const stage = await Stage.start({});
    stage.client.write(encodeMessage({ type: 'LIVE', log: 1, seq: 1 }));
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_UNKNOWN_TYPE' });
  });
});
