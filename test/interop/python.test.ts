import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import { limits } from '../../protocol/index.js';
import { PythonClient, type PythonEvent, pythonMissing } from './python-client.js';
import { type Served, serve } from './served.js';

const messages = (events: readonly PythonEvent[]) => events.filter(({ event }) => event === 'message');
const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.skipIf(pythonMissing)(`the Python client with a real server (${pythonMissing ?? 'python3 is here'})`, () => {
  let server: Served;
  let node: Client;
  const running: PythonClient[] = [];

  const python = (...args: string[]) => {
    const client = new PythonClient(server.port, ...args);
    running.push(client);
    return client;
  };
  const publish = async (texts: readonly string[]) => node.publish(texts.map((text) => Buffer.from(text)));
  /** The last number of the active session. */
  const lastSeq = async () => (await node.sessions()).at(-1)!.lastSeq;

  beforeAll(async () => {
    server = await serve();
    node = await connect({ port: server.port, publisher: 'node' });
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((client) => client.stop()));
  });

  afterAll(async () => {
    await node?.close();
    expect(await server?.stop()).toBe(0);
  });

  test('logs in', async () => {
    const { events, code } = await python('login').all();
    expect(code).toBe(0);
    expect(events).toMatchObject([
      { event: 'logged_in', version: 1, source: 'main', durability: 'disk', published: 0 },
    ]);
  });

  test('publishes, is acknowledged, and a Node client reads what it wrote', async () => {
    const before = await lastSeq();
    const { events, code } = await python('--publisher', 'py-1', 'publish').input(['hello\twörld', 'three']).all();
    expect(code).toBe(0);
    expect(events).toMatchObject([
      { event: 'receipt', number: 1, first_seq: before + 1, count: 2, durability: 'disk' },
      { event: 'receipt', number: 2, first_seq: before + 3, count: 1, durability: 'disk' },
    ]);
    const found: string[] = [];
    for await (const { payload } of node.rerequest({ from: before + 1, to: before + 3 }))
      found.push(Buffer.from(payload).toString());
    expect(found).toEqual(['hello', 'wörld', 'three']);
    const again = await python('--publisher', 'py-1', 'login').all();
    expect(again.events).toMatchObject([{ published: 2 }]);
  });

  test('gets the original acknowledgement for a publish that it sends again', async () => {
    const lines = ['first', 'second\tthird', 'fourth'];
    const first = await python('--publisher', 'py-4', 'publish').input(lines).all();
    expect(first.events).toHaveLength(3);
    const after = await lastSeq();
    const again = await python('--publisher', 'py-4', '--number', '1', 'publish')
      .input([...lines, 'fifth'])
      .all();
    expect(again.events.slice(0, 3)).toEqual(first.events);
    expect(again.events[3]).toMatchObject({ number: 4, first_seq: after + 1, count: 1 });
    expect(await lastSeq()).toBe(after + 1);
  });

  test('is told of a number that leaves a gap', async () => {
    await python('--publisher', 'py-5', 'publish').input(['one']).all();
    const { events } = await python('--publisher', 'py-5', '--number', '3', 'publish').input(['three']).all();
    expect(events).toMatchObject([{ event: 'error', code: 'ERR_PUBLISH_NUMBER', remedy: 'never' }]);
  });

  test('publishes thousands, in order and each once', async () => {
    const before = await lastSeq();
    const lines = numbered(1, 9000).map((number) => `line ${number}`);
    const published = await python('--publisher', 'py-2', 'publish').input(lines).all();
    expect(published.code).toBe(0);
    expect(published.events).toHaveLength(lines.length);
    const { events } = await python('--from', `${before + 1}`, '--count', `${lines.length}`, 'tail').all();
    expect(messages(events).map(({ payload }) => payload)).toEqual(lines);
  });

  test('publishes the largest payload there may be, and reads it back', async () => {
    const largest = 'x'.repeat(limits.payloadBytesMax);
    const { events } = await python('--publisher', 'py-6', 'publish').input([largest]).all();
    expect(events).toMatchObject([{ event: 'receipt', count: 1 }]);
    const read = await python('--from', `${events[0]!.first_seq}`, '--count', '1', 'tail').all();
    expect(messages(read.events).map(({ payload }) => payload === largest)).toEqual([true]);
  });

  test('rewinds from a number in the past and slides into the live stream with no gap', async () => {
    const before = await lastSeq();
    await publish(['one', 'two', 'three', 'four']);
    const reader = python('--from', `${before + 2}`, '--count', '5', 'tail');
    expect(await reader.next('subscribed')).toMatchObject({ first: before + 2, last_seq: before + 4, state: 'active' });
    expect(await reader.next('live')).toMatchObject({ seq: before + 4 });
    await publish(['five']);
    await publish(['six']);
    const { events, code } = await reader.all();
    expect(code).toBe(0);
    expect(messages(events).map(({ seq, payload }) => [seq, payload])).toEqual([
      [before + 2, 'two'],
      [before + 3, 'three'],
      [before + 4, 'four'],
      [before + 5, 'five'],
      [before + 6, 'six'],
    ]);
  });

  test('follows the live stream from the next message on when it names no number', async () => {
    const before = await lastSeq();
    const reader = python('--count', '1', 'tail');
    expect(await reader.next('live')).toMatchObject({ seq: before });
    await publish(['now']);
    const { events } = await reader.all();
    expect(messages(events)).toMatchObject([{ seq: before + 1, payload: 'now' }]);
  });

  test('gets the newest message when it names 0', async () => {
    await publish(['old', 'newest']);
    const { events } = await python('--from', '0', '--count', '1', 'tail').all();
    expect(messages(events)).toMatchObject([{ seq: await lastSeq(), payload: 'newest' }]);
  });

  test('waits for a number that does not exist yet only when it says so', async () => {
    const before = await lastSeq();
    const rejected = await python('--from', `${before + 3}`, 'tail').all();
    expect(rejected.code).toBe(1);
    expect(rejected.events).toMatchObject([{ event: 'error', code: 'ERR_BEYOND_NEXT', remedy: 'retry' }]);
    const reader = python('--from', `${before + 3}`, '--wait', '--count', '1', 'tail');
    await reader.next('subscribed');
    await publish(['too early', 'too early', 'waited for']);
    const { events } = await reader.all();
    expect(messages(events)).toMatchObject([{ seq: before + 3, payload: 'waited for' }]);
  });

  test('resumes with session and epoch, and gets a reset for a position of another epoch', async () => {
    await publish(['something']);
    const [session] = (await python('sessions').all()).events as (PythonEvent & { session: string; epoch: string })[];
    const at = ['--session', session!.session, '--from', '1', '--count', '1'];
    const resumed = await python(...at, '--epoch', session!.epoch, 'tail').all();
    expect(messages(resumed.events)).toMatchObject([{ seq: 1 }]);
    const reset = await python(...at, '--epoch', 'another', 'tail').all();
    expect(reset.code).toBe(1);
    expect(reset.events).toMatchObject([
      { event: 'reset', session: session!.session, epoch: session!.epoch, firstSeq: 1 },
    ]);
  });

  test('gets a range it asks for again, and a refusal for one that is not there', async () => {
    const before = await lastSeq();
    await publish(['a', 'b', 'c', 'd']);
    const range = await python('--from', `${before + 2}`, '--to', `${before + 3}`, 'rerequest').all();
    expect(range.events.map(({ event, seq, payload }) => [event, seq, payload])).toEqual([
      ['message', before + 2, 'b'],
      ['message', before + 3, 'c'],
    ]);
    const beyond = await python('--from', `${before + 2}`, '--to', `${before + 9}`, 'rerequest').all();
    expect(beyond.events).toMatchObject([{ event: 'error', code: 'ERR_BEYOND_NEXT' }]);
  });

  test('rolls a session, and follows from one into the next', async () => {
    const [active] = (await node.sessions()).slice(-1);
    const before = active!.lastSeq;
    await publish(['last of the day']);
    const reader = python('--from', `${before + 1}`, '--follow', '--count', '2', 'tail');
    await reader.next('live');
    const rolled = await python('--reason', 'end of day', '--discard', 'roll').all();
    expect(rolled.events).toMatchObject([
      { event: 'rolled', ended: { session: active!.session, discarded: true }, opened: { state: 'active' } },
    ]);
    await publish(['first of the day']);
    const { events, code } = await reader.all();
    expect(code).toBe(0);
    const next = (await node.sessions()).at(-1)!;
    expect(events.filter(({ event }) => event === 'ended' || event === 'followed')).toMatchObject([
      { event: 'ended', session: active!.session, reason: 'end of day', discarded: true, next: next.session },
      { event: 'followed', session: next.session, log: next.log, first: 1 },
    ]);
    expect(messages(events).map(({ seq, payload }) => [seq, payload])).toEqual([
      [before + 1, 'last of the day'],
      [1, 'first of the day'],
    ]);
  });

  test('is told first of all that a session is discarded, and gets it like any other', async () => {
    const { session, epoch } = (await node.sessions()).at(-1)!;
    const { firstSeq } = await node.publish(Buffer.from('not to be used'));
    await node.roll({ session, reason: 'end of day' });
    await node.discard({ session, reason: 'nonsense' });
    const { events, code } = await python(
      '--session',
      session,
      '--epoch',
      epoch,
      '--from',
      `${firstSeq}`,
      'tail',
    ).all();
    expect(code).toBe(0);
    expect(events).toMatchObject([
      { event: 'subscribed', state: 'ended' },
      { event: 'discarded', session, reason: 'nonsense' },
      { event: 'message', seq: firstSeq },
      { event: 'ended', session, reason: 'end of day', discarded: true },
    ]);
  });

  test.each([
    ['an unknown source', ['--source', 'nowhere', 'login'], 'ERR_UNKNOWN_SOURCE'],
    ['an unknown session', ['--session', 'never', 'tail'], 'ERR_UNKNOWN_SESSION'],
    ['a range that is none', ['--from', '2', '--to', '1', 'rerequest'], 'ERR_BAD_MESSAGE'],
  ])('is told the code for %s', async (_, args, code) => {
    const { events } = await python(...args).all();
    expect(events).toMatchObject([{ event: 'error', code, remedy: 'never' }]);
  });

  test('is told when it publishes without a publisher id, or to a session that is not there', async () => {
    const nobody = await python('publish').input(['x']).all();
    expect(nobody.events).toMatchObject([{ event: 'error', code: 'ERR_NOT_A_PUBLISHER' }]);
    const nowhere = await python('--publisher', 'py-3', '--session', 'never', 'publish').input(['x']).all();
    expect(nowhere.events).toMatchObject([{ event: 'error', code: 'ERR_UNKNOWN_SESSION', remedy: 'never' }]);
  });
});
