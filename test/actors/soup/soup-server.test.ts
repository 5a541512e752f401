import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig, type ServerConfig } from '../../../actors/server-config.js';
import { startServer } from '../../../actors/start-server.js';
import { type Client, connect } from '../../../client/index.js';
import { LogLines } from '../../support/log-lines.js';
import { binLogin, lineLogin, SoupClient, type SoupFormat } from '../../support/soup-client.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server with a small ring and both ports open, and a client of the native protocol. */
async function start(config: Partial<ServerConfig> = {}) {
  const { directory, remove } = await temporaryDirectory();
  cleanups.push(remove);
  const { generator } = defaultServerConfig;
  const log = new LogLines();
  const server = await startServer(
    {
      ...defaultServerConfig,
      durability: 'os',
      data: directory,
      port: 0,
      soupPort: 0,
      ringBytesMax: 256 * 1024,
      generator: { ...generator, rate: 0 },
      ...config,
    },
    log.logger,
  );
  cleanups.push(() => server.stop());
  const native = await connect({ port: server.port, publisher: randomUUID() });
  cleanups.push(() => native.close());
  return { server, soupPort: server.soupPort!, native, log };
}

async function login(port: number, format: SoupFormat, bytes: Buffer | string): Promise<SoupClient> {
  const client = await SoupClient.loggedIn(port, format, bytes);
  onTestFinished(() => client.destroy());
  return client;
}

const textOf = (seq: number) => `message ${seq} ${'.'.repeat(100)}`;

async function publishTo(native: Client, last: number, from = 1): Promise<void> {
  for (let first = from; first <= last; first += 1_000) {
    const count = Math.min(1_000, last - first + 1);
    await native.publish(Array.from({ length: count }, (_, index) => Buffer.from(textOf(first + index))));
  }
}

const textsFrom = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => textOf(first + index));

describe('the Soup port of a server', () => {
  it.each([
    ['SoupBinTCP', 'binary', binLogin(1)],
    ['SoupTCP', 'lines', lineLogin(1)],
    ['the short login', 'lines', 'LS010001'],
  ] as const)('rewinds a late joiner into the live stream: %s', async (_, format, bytes) => {
    const { soupPort, native } = await start();
    // Ten times the ring: the first of them come from the log.
    await publishTo(native, 20_000);
    const client = await login(soupPort, format, bytes);
    expect(client.first).toBe(1);
    await client.reached(15_000);
    await publishTo(native, 21_000, 20_001);
    await client.reached(21_000);
    expect(client.texts).toEqual(textsFrom(1, 21_000));
  });

  it('has one sequence space with the native port: left at n on one, resumed at n + 1 on the other', async () => {
    const { soupPort, native } = await start();
    await publishTo(native, 100);
    const seen: string[] = [];
    const subscription = native.subscribe({ from: 1 });
    for await (const { seq, payload } of subscription) {
      seen.push(Buffer.from(payload).toString());
      if (seq === 40) break;
    }
    const binary = await login(soupPort, 'binary', binLogin(41));
    await binary.reached(100);
    await publishTo(native, 150, 101);
    await binary.reached(120);
    seen.push(...binary.texts.slice(0, 80));
    const lines = await login(soupPort, 'lines', lineLogin(121, binary.session));
    await lines.reached(140);
    seen.push(...lines.texts.slice(0, 20));
    for await (const { seq, payload } of native.subscribe({ session: lines.session, from: 141 })) {
      seen.push(Buffer.from(payload).toString());
      if (seq === 150) break;
    }
    expect(seen).toEqual(textsFrom(1, 150));
  });

  it('starts in the middle of a block, at the newest message, and at the next one', async () => {
    const { soupPort, native } = await start();
    await publishTo(native, 100);
    const middle = await login(soupPort, 'binary', binLogin(57));
    await middle.reached(100);
    expect(middle.texts).toEqual(textsFrom(57, 100));
    const newest = await login(soupPort, 'lines', 'LS010000\n');
    const next = await login(soupPort, 'binary', binLogin(101));
    expect([newest.first, next.first]).toEqual([100, 101]);
    await publishTo(native, 101, 101);
    await Promise.all([newest.reached(101), next.reached(101)]);
    expect([newest.texts, next.texts]).toEqual([textsFrom(100, 101), textsFrom(101, 101)]);
  });

  it('asks for the user and the password that are configured', async () => {
    const { soupPort } = await start({ soupUser: 'alice', soupPassword: 'secret' });
    const right = await login(soupPort, 'lines', lineLogin(1, '', 'ALICE', 'secret'));
    expect(right.first).toBe(1);
    for (const bytes of [lineLogin(1, '', 'alice', 'wrong'), lineLogin(1), Buffer.from('LS010001\n')]) {
      const wrong = new SoupClient(soupPort, 'lines');
      wrong.socket.write(bytes);
      expect((await wrong.take('J')).payload.toString()).toBe('A');
      await wrong.closed;
    }
  });

  it.each([
    ['that is too large, SoupBinTCP', 'binary', Buffer.alloc(65_535, 'x'), binLogin],
    ['without a byte, SoupTCP', 'lines', Buffer.alloc(0), lineLogin],
    ['with a line feed in it, SoupTCP', 'lines', Buffer.from('t\nwo'), lineLogin],
  ] as const)(
    'serves every message up to one that has no packet, from the log or live, and goes on behind it: one %s',
    async (_, format, uncarried, loginAt) => {
      const { soupPort, native } = await start();
      const live = await login(soupPort, format, loginAt(1));
      await native.publish([Buffer.from('one'), uncarried, Buffer.from('three')]);
      const late = await login(soupPort, format, loginAt(1));
      const atIt = await login(soupPort, format, loginAt(2));
      for (const client of [live, late, atIt]) {
        expect(await client.debug()).toMatch(/^ERR_NOT_CARRIED: .* message 2: .*; log in with 3 to go on behind it$/);
        await client.closed;
      }
      expect([live, late, atIt].map(({ texts }) => texts)).toEqual([['one'], ['one'], []]);
      // Nothing says that the session has ended.
      expect([live, late, atIt].flatMap(({ packets }) => packets.takeAll())).toEqual([]);
      const behind = await login(soupPort, format, loginAt(3));
      await behind.reached(3);
      expect(behind.texts).toEqual(['three']);
    },
  );

  it('ends with its session, and serves a session that has ended, to its end', async () => {
    const generator = { rate: 100_000, payloadBytes: 50, count: 500, source: 'main' };
    const { soupPort } = await start({ generator });
    for (const [format, bytes] of [
      ['binary', binLogin(1, 'S01')],
      ['lines', lineLogin(1, 'S01')],
    ] as const) {
      const client = await login(soupPort, format, bytes);
      await client.take('Z');
      await client.closed;
      expect(client.next).toBe(501);
    }
    const atTheEnd = await login(soupPort, 'binary', binLogin(501, 'S01'));
    await atTheEnd.take('Z');
    await atTheEnd.closed;
    expect(atTheEnd.texts).toEqual([]);
  });

  it.each([
    ['binary', binLogin],
    ['lines', lineLogin],
  ] as const)(
    'has the end of a closed session for those who resume it only, where closed sessions are rejected: %s',
    async (format, loginAt) => {
      const { soupPort, native } = await start({ closedSessions: 'reject' });
      await publishTo(native, 5);
      const { ended } = await native.roll({ reason: 'night' });
      const { session } = ended!;
      const midway = await login(soupPort, format, loginAt(3, session));
      expect([midway.first, midway.session]).toEqual([3, session]);
      await midway.take('Z');
      expect(midway.texts).toEqual(textsFrom(3, 5));
      const atTheEnd = await login(soupPort, format, loginAt(6, session));
      await atTheEnd.take('Z');
      expect([atTheEnd.first, atTheEnd.texts]).toEqual([6, []]);
      for (const number of [1, 0]) {
        const rejected = new SoupClient(soupPort, format);
        rejected.socket.write(loginAt(number, session));
        expect((await rejected.take('J')).payload.toString(), `login with ${number}`).toBe('S');
        await rejected.closed;
      }
      const active = await login(soupPort, format, loginAt(1));
      expect(active.session).not.toBe(session);
    },
  );

  it('tells its clients to reconnect when the server stops', async () => {
    const { soupPort, server } = await start();
    const client = await login(soupPort, 'binary', binLogin(1));
    await server.stop();
    expect(await client.debug()).toMatch(/^ERR_SHUTTING_DOWN: /);
    await client.closed;
  });

  it('shows its clients to those who inspect the server', async () => {
    const { soupPort, native } = await start();
    await publishTo(native, 10);
    const client = await login(soupPort, 'binary', binLogin(1, '', 'alice'));
    await client.reached(10);
    const { soup } = (await native.inspect()) as { soup: { connections: number; subscriptions: object[] } };
    expect(soup).toMatchObject({ connections: 1, subscriptionCount: 1 });
    expect(soup.subscriptions[0]).toMatchObject({ client: 'SoupBinTCP 3.00 alice', state: 'live', next: 11 });
  });

  it('gives up the login that has waited longest for a newer one, and takes no more than it may', async () => {
    const { soupPort } = await start({ connectionsMax: 2, loginsMax: 1 });
    const waiting = new SoupClient(soupPort, 'lines');
    await new Promise((resolve) => waiting.socket.once('connect', resolve));
    const first = await login(soupPort, 'lines', lineLogin(1));
    expect(await waiting.debug()).toMatch(/^ERR_LOGIN_TIMEOUT: /);
    const second = await login(soupPort, 'lines', lineLogin(1));
    const third = new SoupClient(soupPort, 'lines');
    expect(await third.debug()).toMatch(/^ERR_TOO_MANY_CONNECTIONS: 2 connections, limit 2$/);
    first.destroy();
    await first.closed;
    second.destroy();
  });

  it('is closed when it is not asked for', async () => {
    const { server } = await start({ soupPort: 'off' });
    expect(server.soupPort).toBeUndefined();
  });
});
