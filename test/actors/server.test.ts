import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { type RunningServer, startServer } from '../../actors/start-server.js';
import {
  blockFirstSeq,
  blockLastSeq,
  type ClientMessage,
  encodePublishHeader,
  type ServerMessage,
} from '../../protocol/index.js';
import { until } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { Wire } from '../support/wire.js';
import { silent } from './support.js';

/** Everything one client hears, blocks as `first..last`. */
class Client {
  readonly heard: (ServerMessage | string)[] = [];
  wire!: Wire;

  static async login(port: number, login: Omit<ClientMessage & { type: 'LOGIN' }, 'type' | 'versions'> = {}) {
    const client = new Client();
    client.wire = await Wire.open(port, login, {
      message: (message) => {
        if (message.type !== 'HEARTBEAT') client.heard.push(message);
      },
      block: (block) => client.heard.push(`${blockFirstSeq(block)}..${blockLastSeq(block)}`),
    });
    onTestFinished(() => client.wire.close());
    return client;
  }

  async hears<T extends ServerMessage['type']>(type: T): Promise<ServerMessage & { type: T }> {
    const find = () => this.heard.find((it) => typeof it !== 'string' && it.type === type);
    await until(() => find() !== undefined, `${type}, heard ${JSON.stringify(this.heard)}`);
    return find() as ServerMessage & { type: T };
  }

  /** The run of numbers it got; throws when it is none. */
  get run(): [number, number] {
    const blocks = this.heard.filter((it) => typeof it === 'string').map((it) => it.split('..').map(Number));
    for (let index = 1; index < blocks.length; index += 1) expect(blocks[index]![0]).toBe(blocks[index - 1]![1]! + 1);
    return [blocks[0]![0]!, blocks[blocks.length - 1]![1]!];
  }

  publish(number: number, ...values: string[]): void {
    const payloads = texts(...values);
    this.wire.write(encodePublishHeader(number, '', payloads), payloads.bytes);
  }
}

/** A directory that is removed after the test, and after what the test starts in it has stopped. */
async function directoryOfTest(): Promise<string> {
  const { directory, remove } = await temporaryDirectory();
  onTestFinished(remove);
  return directory;
}

type More = Partial<Omit<ServerConfig, 'generator'>> & { generator?: Partial<ServerConfig['generator']> };

async function start({ generator, ...more }: More = {}): Promise<RunningServer & { data: string }> {
  const data = more.data ?? (await directoryOfTest());
  const settled = { ...defaultServerConfig.generator, rate: 0, ...generator };
  const config = { ...defaultServerConfig, durability: 'os', data, port: 0, ...more, generator: settled } as const;
  const server = await startServer(config, silent);
  onTestFinished(() => server.stop());
  return { ...server, data };
}

describe('a server', () => {
  it('delivers the whole session to those who follow it, those who come late and those who come after its end', async () => {
    const last = 2_000;
    const { port } = await start({ generator: { rate: 20_000, count: last } });
    const early = await Client.login(port, { subscribe: { request: 1, from: 1 } });
    const waiting = await Client.login(port, { subscribe: { request: 1, from: last, wait: true } });
    const ends = await Promise.all([early, waiting].map((client) => client.hears('END_OF_SESSION')));
    const late = await Client.login(port, { subscribe: { request: 1, session: 'S01', from: 777 } });
    ends.push(await late.hears('END_OF_SESSION'));
    expect([early.run, waiting.run, late.run]).toEqual([
      [1, last],
      [last, last],
      [777, last],
    ]);
    expect(ends.map(({ lastSeq }) => lastSeq)).toEqual([last, last, last]);
    expect(late.heard[late.heard.length - 1]).toBe(ends[2]);
    expect(await late.hears('SUBSCRIBED')).toMatchObject({ state: 'ended', lastSeq: last });
  });

  it('rolls at the end of the day its generator tells of, and still has both sessions when it starts again', async () => {
    const first = await start({ generator: { rate: 10_000, count: 10 } });
    const watching = await Client.login(first.port, { subscribe: { request: 1, from: 1 } });
    const { session, next, reason } = await watching.hears('END_OF_SESSION');
    expect(reason).toBe('end of day: the generator has made all its messages');
    await first.stop();
    const { port } = await start({ data: first.data });
    const client = await Client.login(port, { subscribe: { request: 1, session, from: 4 } });
    await client.hears('END_OF_SESSION');
    client.wire.send({ type: 'SESSIONS', request: 2 });
    const { sessions } = await client.hears('SESSION_LIST');
    expect(client.run).toEqual([4, 10]);
    expect(sessions).toMatchObject([
      { session, state: 'ended', lastSeq: 10, next },
      { session: next, state: 'active', lastSeq: 0 },
    ]);
    expect(Number(next)).toBe(Number(session) + 1);
  });

  it('takes a follower from a session to the next, one that is live and one that comes from the log', async () => {
    const { port } = await start();
    const publisher = await Client.login(port, { publisher: 'p' });
    const live = await Client.login(port, { subscribe: { request: 1, from: 1, follow: true } });
    publisher.publish(1, 'a', 'b');
    await until(() => live.heard.includes('1..2'), 'the first messages');
    publisher.wire.send({ type: 'ROLL', request: 1, reason: 'day one', discard: true });
    publisher.publish(2, 'c');
    const { ended, opened } = await publisher.hears('ROLLED');
    await until(() => live.heard.includes('1..1'), 'the first message of the next session');
    const late = await Client.login(port, { subscribe: { request: 7, session: 'S01', from: 2, follow: true } });
    await until(() => late.heard.includes('1..1'), 'the same message');
    const of = ({ heard }: Client) => heard.filter((it) => typeof it === 'string' || /SUB|END/.test(it.type));
    const end = { type: 'END_OF_SESSION', session: ended!.session, lastSeq: 2, discarded: true, next: opened.session };
    const went = [end, { type: 'SUBSCRIBED', log: opened.log, session: opened.session, from: 1 }, '1..1'];
    expect(of(live)).toMatchObject([{ from: 1 }, '1..2', ...went]);
    expect(of(late)).toMatchObject([{ request: 7, from: 2, state: 'ended' }, '2..2', ...went]);
  });

  it('serves sessions that have ended only to those who were reading them, where that is configured', async () => {
    const { port } = await start({ closedSessions: 'reject' });
    const client = await Client.login(port, { publisher: 'p', subscribe: { request: 1, from: 1 } });
    client.publish(1, 'a');
    await until(() => client.heard.includes('1..1'), 'the message');
    client.wire.send({ type: 'ROLL', request: 2, reason: 'night' });
    const { session } = await client.hears('END_OF_SESSION');
    const { epoch } = await client.hears('SUBSCRIBED');
    const other = await Client.login(port, { subscribe: { request: 1, session, from: 1 } });
    expect(await other.hears('REJECTED')).toMatchObject({ code: 'ERR_SESSION_ENDED', remedy: 'never' });
    other.wire.send({ type: 'SUBSCRIBE', request: 2, session, epoch, from: 2 });
    expect(await other.hears('SUBSCRIBED')).toMatchObject({ request: 2, from: 2, state: 'ended' });
    expect(await other.hears('END_OF_SESSION')).toMatchObject({ session, lastSeq: 1 });
  });

  it('resumes an active session behind its last number', async () => {
    const first = await start();
    const publisher = await Client.login(first.port, { publisher: 'p' });
    publisher.publish(1, 'a', 'b', 'c');
    await publisher.hears('ACKNOWLEDGED');
    await first.stop();
    const { port } = await start({ data: first.data });
    const again = await Client.login(port, { publisher: 'p', subscribe: { request: 1, from: 1 } });
    expect(await again.hears('LOGGED_IN')).toMatchObject({ published: 1 });
    again.publish(1, 'a', 'b', 'c');
    again.publish(2, 'd');
    await until(() => again.heard.includes('4..4'), 'the new message');
    expect(again.run).toEqual([1, 4]);
    expect(await again.hears('ACKNOWLEDGED')).toMatchObject({ number: 1, runs: [[1, 1, 1, 3]] });
  });

  it('keeps its sources apart', async () => {
    const { port } = await start({ sources: ['main', 'other'] });
    const watching = await Client.login(port, { subscribe: { request: 1, from: 1 } });
    const other = await Client.login(port, { source: 'other', publisher: 'p', subscribe: { request: 1, from: 1 } });
    const main = await Client.login(port, { publisher: 'p' });
    other.publish(1, 'to other');
    await until(() => other.heard.includes('1..1'), 'the message');
    main.publish(1, 'to main', 'again');
    await until(() => watching.heard.includes('1..2'), 'the messages');
    expect([other.run, watching.run]).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  it('shows what is going on', async () => {
    const { port } = await start();
    const client = await Client.login(port, { client: 'curious', subscribe: { request: 1 } });
    await client.hears('LIVE');
    client.wire.send({ type: 'INSPECT', request: 2 });
    const { state } = await client.hears('INSPECTION');
    expect(state).toMatchObject({
      pid: process.pid,
      durability: 'os',
      sessions: [{ queued: 0, lists: 1 }],
      edges: [{ connections: 1, rewinds: 0, subscriptions: [{ client: 'curious', state: 'live', next: 1, head: 0 }] }],
    });
  });

  it('tells one client too many why it is refused, although that has sent its login already', async () => {
    const { port } = await start({ connectionsMax: 2 });
    const [one, other] = [await Client.login(port), await Client.login(port)];
    await Promise.all([one.hears('LOGGED_IN'), other.hears('LOGGED_IN')]);
    const third = await Client.login(port);
    expect(await third.hears('ERROR')).toMatchObject({ code: 'ERR_TOO_MANY_CONNECTIONS', remedy: 'reconnect' });
    one.wire.close();
    await until(() => one.wire.socket.closed, 'the first one to be gone');
    let next = third;
    while (!next.heard.some((it) => typeof it !== 'string' && it.type === 'LOGGED_IN')) {
      next = await Client.login(port);
      await until(() => next.heard.length > 0, 'an answer');
    }
  });

  it('tells its clients to reconnect when it stops, after it has settled what it took', async () => {
    const server = await start();
    const client = await Client.login(server.port, { publisher: 'p', subscribe: { request: 1 } });
    await client.hears('LIVE');
    client.publish(1, 'last words');
    await until(() => client.heard.includes('1..1'), 'the message');
    await server.stop();
    expect(await client.hears('ERROR')).toMatchObject({ code: 'ERR_SHUTTING_DOWN', remedy: 'reconnect' });
    expect(await client.hears('ACKNOWLEDGED')).toMatchObject({ number: 1 });
    await server.stop();
  });

  it('lets go of its directory when its port is taken', async () => {
    const { port } = await start();
    const data = await directoryOfTest();
    await expect(start({ data, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const { port: another } = await start({ data });
    const client = await Client.login(another);
    await client.hears('LOGGED_IN');
  });

  it('is the only one in its directory', async () => {
    const { data } = await start();
    await expect(start({ data })).rejects.toMatchObject({ code: 'ERR_DIRECTORY_IN_USE' });
  });
});
