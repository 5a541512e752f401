import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { rejectionOf, startPair, take, thrownBy } from './setup.js';

function summary(session: string, fields: Partial<SessionSummary> = {}): SessionSummary {
  return {
    source: 'main',
    session,
    log: 1,
    epoch: `epoch-${session}`,
    state: 'active',
    firstSeq: 1,
    lastSeq: 9_999,
    createdMs: 1,
    ...fields,
  };
}

describe('archive, restore and verify', () => {
  it.each(['archive', 'restore', 'verify'] as const)('%s: resolves with the report of the server', async (action) => {
    const { server, connection, client } = await startPair();
    const asked = client[action]({ session: 'S1', source: 'x' });
    expect(await connection.take('ARCHIVE')).toMatchObject({ action, session: 'S1', source: 'x' });
    connection.drop();
    const next = await server.accept();
    await next.login();
    const { request } = await next.take('ARCHIVE');
    const report = { session: summary('S1'), messages: 2, losses: [{ from: 3, to: 4, reason: 'corrupt' as const }] };
    next.send({ type: 'SESSION_REPORT', request, ...report });
    expect(await within(asked, 'the report')).toEqual(report);
  });
});

describe('sessions and inspect', () => {
  it('resolve with what the server answers', async () => {
    const { connection, client } = await startPair();
    const sessions = client.sessions({ source: 'x' });
    const inspection = client.inspect();
    const first = await connection.take('SESSIONS');
    const second = await connection.take('INSPECT');
    expect(first.source).toBe('x');
    connection.send({ type: 'INSPECTION', request: second.request, state: { rewinds: 3 } });
    connection.send({ type: 'SESSION_LIST', request: first.request, sessions: [summary('S1')] });
    expect(await within(sessions, 'the sessions')).toEqual([summary('S1')]);
    expect(await within(inspection, 'the inspection')).toEqual({ rewinds: 3 });
  });

  it('ask for one session by its name', async () => {
    const { connection, client } = await startPair();
    const session = client.session({ session: 'S01', source: 'x' });
    const { request, ...asked } = await connection.take('SESSIONS');
    expect(asked).toMatchObject({ session: 'S01', source: 'x' });
    connection.send({ type: 'SESSION_LIST', request, sessions: [summary('2030010901')] });
    expect(await within(session, 'the session')).toEqual(summary('2030010901'));
  });

  it.each([
    ['none', []],
    ['the whole catalogue, of a server that does not know how to find one', ['2030010901', '2030010902']],
  ])('for one session fail when the answer is %s', async (_, sessions) => {
    const { connection, client } = await startPair();
    const failed = rejectionOf(client.session({ session: 'S02' }));
    const { request } = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request, sessions: sessions.map((session) => summary(session)) });
    const message = `expected session S02 alone, found ${sessions.length} sessions`;
    expect(await failed).toMatchObject({ code: 'ERR_BAD_MESSAGE', message });
  });

  it('reject with the code of a rejection, and with ERR_ABORTED', async () => {
    const { connection, client } = await startPair();
    const rejected = rejectionOf(client.sessions());
    const { request } = await connection.take('SESSIONS');
    connection.send({ type: 'REJECTED', request, code: 'ERR_UNKNOWN_SOURCE', message: 'no', remedy: 'never' });
    expect(await rejected).toMatchObject({ code: 'ERR_UNKNOWN_SOURCE', message: 'no' });
    const abort = new AbortController();
    const aborted = rejectionOf(client.inspect({ signal: abort.signal }));
    abort.abort();
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED' });
    expect(await rejectionOf(client.inspect({ signal: abort.signal }))).toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('are asked again after a reconnect', async () => {
    const { server, connection, client } = await startPair();
    const sessions = client.sessions();
    await connection.take('SESSIONS');
    connection.drop();
    const next = await server.accept();
    await next.login();
    const { request } = await next.take('SESSIONS');
    next.send({ type: 'SESSION_LIST', request, sessions: [] });
    expect(await within(sessions, 'the sessions')).toEqual([]);
  });

  it('are rejected with ERR_CLOSED by close()', async () => {
    const { client } = await startPair();
    const rejected = rejectionOf(client.sessions());
    await client.close();
    expect(await rejected).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('cause no unhandled rejection when nobody looks at them', async () => {
    const { client } = await startPair();
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    void client.sessions();
    void client.inspect();
    void client.publish(Buffer.from('a'));
    client.subscribe();
    client.rerequest({ from: 1, to: 2 });
    await client.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});

describe('a rerequest', () => {
  it('hands out the messages of a range, then ends', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S1', from: 2, to: 4 })[Symbol.asyncIterator]();
    const { request, ...asked } = await connection.take('REREQUEST');
    expect(asked).toMatchObject({ session: 'S1', from: 2, to: 4 });
    connection.retransmit(request, 2, ['b', 'c']);
    connection.retransmit(request, 4, ['d']);
    connection.send({ type: 'RETRANSMITTED', request, from: 2, to: 4, messages: 3 });
    const messages = await take(iterator, 3);
    expect(messages.map(({ seq, session }) => [seq, session])).toEqual([
      [2, 'S1'],
      [3, 'S1'],
      [4, 'S1'],
    ]);
    expect(await within(iterator.next(), 'the end')).toEqual({ value: undefined, done: true });
  });

  it('asks which session is meant when none is named', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ source: 'x', from: 1, to: 1 })[Symbol.asyncIterator]();
    const { request: lookup, source, session: asked } = await connection.take('SESSIONS');
    expect({ source, asked }).toEqual({ source: 'x', asked: '' });
    connection.send({ type: 'SESSION_LIST', request: lookup, sessions: [summary('S2')] });
    const { request, session } = await connection.take('REREQUEST');
    expect(session).toBe('S2');
    connection.retransmit(request, 1, ['a']);
    connection.send({ type: 'RETRANSMITTED', request, from: 1, to: 1, messages: 1 });
    expect(await take(iterator, 1)).toMatchObject([{ session: 'S2', seq: 1 }]);
  });

  it('stays with the session that an alias has meant at first', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S01', from: 1, to: 2_000 })[Symbol.asyncIterator]();
    const { request: lookup, session: asked } = await connection.take('SESSIONS');
    expect(asked).toBe('S01');
    connection.send({ type: 'SESSION_LIST', request: lookup, sessions: [summary('2030010901')] });
    const { request, session } = await connection.take('REREQUEST');
    expect(session).toBe('2030010901');
    connection.retransmit(request, 1, ['a']);
    expect(await take(iterator, 1)).toMatchObject([{ session: '2030010901', seq: 1 }]);
  });

  it('fails when there is no session, or when the epoch is another', async () => {
    const { connection, client } = await startPair();
    const blank = client.rerequest({ from: 1, to: 1 })[Symbol.asyncIterator]();
    const { request: first } = await connection.take('SESSIONS');
    const none = { code: 'ERR_NO_SESSION', message: 'none yet', remedy: 'retry' } as const;
    connection.send({ type: 'REJECTED', request: first, ...none });
    expect(await thrownBy(blank)).toMatchObject({ code: 'ERR_NO_SESSION' });
    const old = client.rerequest({ session: 'S1', epoch: 'old', from: 1, to: 1 })[Symbol.asyncIterator]();
    const second = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request: second.request, sessions: [summary('S1')] });
    expect(await thrownBy(old)).toMatchObject({ code: 'ERR_RESET', facts: { epoch: 'epoch-S1' } });
  });

  it('fails before its first message when a long range ends beyond the session', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S1', from: 1, to: 20_000 })[Symbol.asyncIterator]();
    const lookup = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request: lookup.request, sessions: [summary('S1')] });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_BEYOND_NEXT', facts: { lastSeq: 9_999 } });
    expect(connection.pending).toEqual([]);
  });

  it('tells what is lost, in order with the messages', async () => {
    const { connection, client } = await startPair();
    const rerequest = client.rerequest({ session: 'S1', from: 1, to: 4 });
    const seen: string[] = [];
    rerequest.on('lost', ({ from, to, reason }) => seen.push(`lost ${from}..${to} ${reason}`));
    const { request } = await connection.take('REREQUEST');
    connection.retransmit(request, 1, ['a']);
    connection.send({ type: 'LOST', request, from: 2, to: 3, reason: 'corrupt' });
    connection.retransmit(request, 4, ['d']);
    connection.send({ type: 'RETRANSMITTED', request, from: 1, to: 4, messages: 2 });
    for await (const { seq } of rerequest) seen.push(`${seq}`);
    expect(seen).toEqual(['1', 'lost 2..3 corrupt', '4']);
  });

  it('fetches a long range piece by piece, as it is consumed', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S1', from: 1, to: 1_500 })[Symbol.asyncIterator]();
    const lookup = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request: lookup.request, sessions: [summary('S1')] });
    const first = await connection.take('REREQUEST');
    expect(first).toMatchObject({ from: 1, to: 1_024 });
    connection.retransmit(first.request, 1, new Array<string>(1_024).fill('x'));
    connection.send({ type: 'RETRANSMITTED', request: first.request, from: 1, to: 1_024, messages: 1_024 });
    const second = await connection.take('REREQUEST');
    expect(second).toMatchObject({ from: 1_025, to: 1_500 });
    connection.retransmit(second.request, 1_025, new Array<string>(476).fill('y'));
    connection.send({ type: 'RETRANSMITTED', request: second.request, from: 1_025, to: 1_500, messages: 476 });
    const messages = await take(iterator, 1_500);
    expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_500 }, (_, index) => index + 1));
    expect((await iterator.next()).done).toBe(true);
  });

  it('goes on where it was after a reconnect, in the same epoch', async () => {
    const { server, connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S1', epoch: 'epoch-S1', from: 1, to: 3 })[Symbol.asyncIterator]();
    const lookup = await connection.take('SESSIONS');
    connection.send({ type: 'SESSION_LIST', request: lookup.request, sessions: [summary('S1')] });
    const first = await connection.take('REREQUEST');
    connection.retransmit(first.request, 1, ['a']);
    await take(iterator, 1);
    connection.drop();
    const next = await server.accept();
    await next.login();
    const again = await next.take('SESSIONS');
    next.send({ type: 'SESSION_LIST', request: again.request, sessions: [summary('S1')] });
    const second = await next.take('REREQUEST');
    expect(second).toMatchObject({ from: 2, to: 3 });
    next.retransmit(second.request, 2, ['b', 'c']);
    next.send({ type: 'RETRANSMITTED', request: second.request, from: 2, to: 3, messages: 2 });
    expect((await take(iterator, 2)).map(({ seq }) => seq)).toEqual([2, 3]);
  });

  it('is tried again when the server is busy, and fails when it says never', async () => {
    const { connection, client } = await startPair();
    const iterator = client.rerequest({ session: 'S1', from: 1, to: 3 })[Symbol.asyncIterator]();
    const first = await connection.take('REREQUEST');
    const busy = { code: 'ERR_TOO_MANY_REREQUESTS', message: 'busy', remedy: 'retry' } as const;
    connection.send({ type: 'REJECTED', request: first.request, ...busy });
    const { request } = await connection.take('REREQUEST');
    connection.send({ type: 'REJECTED', request, code: 'ERR_UNKNOWN_SESSION', message: 'no', remedy: 'never' });
    expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
  });

  it('fails with ERR_GAP when something is left out', async () => {
    const { connection, client } = await startPair();
    const middle = client.rerequest({ session: 'S1', from: 1, to: 3 })[Symbol.asyncIterator]();
    const first = await connection.take('REREQUEST');
    connection.retransmit(first.request, 2, ['b']);
    expect(await thrownBy(middle)).toMatchObject({ code: 'ERR_GAP' });
    const end = client.rerequest({ session: 'S1', from: 1, to: 3 })[Symbol.asyncIterator]();
    const second = await connection.take('REREQUEST');
    connection.send({ type: 'RETRANSMITTED', request: second.request, from: 1, to: 3, messages: 3 });
    expect(await thrownBy(end)).toMatchObject({ code: 'ERR_GAP' });
  });

  it('drops what still comes after it was closed or aborted', async () => {
    const { connection, client } = await startPair();
    const abort = new AbortController();
    const rerequest = client.rerequest({ session: 'S1', from: 1, to: 2, signal: abort.signal });
    const { request } = await connection.take('REREQUEST');
    abort.abort();
    expect(await thrownBy(rerequest[Symbol.asyncIterator]())).toMatchObject({ code: 'ERR_ABORTED' });
    connection.retransmit(request, 1, ['a', 'b']);
    connection.send({ type: 'RETRANSMITTED', request, from: 1, to: 2, messages: 2 });
    const closed = client.rerequest({ session: 'S1', from: 1, to: 2 });
    await connection.take('REREQUEST');
    closed.close();
    expect((await closed[Symbol.asyncIterator]().next()).done).toBe(true);
    void client.inspect();
    await connection.take('INSPECT');
  });

  it('refuses a range that is none', async () => {
    const { client } = await startPair();
    expect(() => client.rerequest({ from: 3, to: 2 })).toThrow(RangeError);
    expect(() => client.rerequest({ from: 0, to: 2 })).toThrow(RangeError);
  });
});
