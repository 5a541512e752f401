import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { limits } from '../../protocol/index.js';
import { IdleConnections } from './idle-connections.js';
import {
  connectionsBecome,
  connectRaw,
  forwardableClock,
  type HostileServer,
  loginRaw,
  RawClient,
  startBystanders,
  startHostileServer,
  within,
} from './support.js';

/** As many as wanted, or as a process may have open here besides its own files. */
function affordable(wanted: number): number {
  const found = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'));
  const count = Math.min(wanted, Number(found?.[1] ?? 1024) - 300);
  if (count < wanted) console.warn(`ulimit -n allows ${count} connections of ${wanted} here`);
  return count;
}

/** Bytes in use, when what is not needed is gone. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** For more than a second nobody is given up for others. */
const loginGraceMs = 1_100;

describe('connections that never log in', () => {
  it('by the ten thousand cost little, keep nobody out, and are closed at the deadline', async () => {
    const count = affordable(10_000);
    const clock = forwardableClock();
    const server = await startHostileServer({ connectionsMax: count + 10, loginsMax: count + 10 });
    const bystanders = await startBystanders(server);
    const before = bytesInUse();
    const idle = new IdleConnections(server.port, count);
    await idle.opened();
    const client = await loginRaw(server, { publisher: 'late' });
    client.send({ type: 'SUBSCRIBE', request: 1 });
    await client.take('LIVE');
    client.publish(1, [Buffer.from('here I am')]);
    await client.take('ACKNOWLEDGED');
    await client.take('MESSAGES');
    expect((bytesInUse() - before) / count).toBeLessThan(16 * 1024);
    clock.forward(limits.loginMs + 1);
    expect(await idle.closed()).toEqual({ ERR_LOGIN_TIMEOUT: count });
    await connectionsBecome(client, 3);
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('beyond the number that may wait push out the one that has waited longest', async () => {
    const loginsMax = 100;
    const count = 2_000;
    const clock = forwardableClock();
    const server = await startHostileServer({ loginsMax });
    const bystanders = await startBystanders(server);
    const idle = new IdleConnections(server.port, count);
    await idle.opened();
    const client = await loginRaw(server);
    clock.forward(loginGraceMs);
    await connectionsBecome(client, loginsMax + 3);
    await bystanders.progress(20);
    clock.forward(limits.loginMs + 1);
    expect(await idle.closed()).toEqual({ ERR_LOGIN_TIMEOUT: count });
    expect(await server.log.withCode('ERR_LOGIN_TIMEOUT')).toMatchObject({ level: 40 });
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('in a sudden crowd do not push out one that has just logged in', async () => {
    const clock = forwardableClock();
    const server = await startHostileServer({ loginsMax: 3 });
    const clients = [await loginRaw(server), await loginRaw(server)];
    const crowd = await Promise.all(Array.from({ length: 20 }, () => connectRaw(server)));
    clock.forward(loginGraceMs);
    expect(await crowd[0]!.errorThenClose()).toBe('ERR_LOGIN_TIMEOUT');
    for (const client of clients) {
      client.send({ type: 'SESSIONS', request: 1 });
      await client.take('SESSION_LIST');
      expect(client.inbox.items).toEqual([]);
    }
  });
});

describe('more connections than the server takes', () => {
  it('are told ERR_TOO_MANY_CONNECTIONS, even when they log in at once, until another one leaves', async () => {
    const server = await startHostileServer({ connectionsMax: 3 });
    const bystanders = await startBystanders(server);
    const third = await loginRaw(server);
    for (let round = 0; round < 20; round += 1) {
      const fourth = await connectRaw(server);
      fourth.send({ type: 'LOGIN', versions: [1] });
      expect(await fourth.errorThenClose()).toBe('ERR_TOO_MANY_CONNECTIONS');
    }
    expect(await server.log.withCode('ERR_TOO_MANY_CONNECTIONS')).toMatchObject({ level: 40 });
    third.destroy();
    let answer = '';
    while (answer !== 'LOGGED_IN') {
      const next = await connectRaw(server);
      next.send({ type: 'LOGIN', versions: [1] });
      answer = (await next.inbox.take(() => true, 'an answer')).type;
    }
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });
});

describe('a client that was told its ERROR', () => {
  it('and neither reads nor closes is cut after a moment', async () => {
    const clock = forwardableClock();
    const server = await startHostileServer();
    const watcher = await loginRaw(server);
    const stubborn = createConnection({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void stubborn.destroy());
    stubborn.on('error', () => {});
    stubborn.pause();
    stubborn.write(Buffer.alloc(4));
    await server.log.withCode('ERR_BAD_FRAME');
    stubborn.write(Buffer.alloc(256 * 1024));
    await watcher.heartbeat();
    clock.forward(2_500);
    await connectionsBecome(watcher, 1);
  });
});

describe('a server that is told to stop', () => {
  it('is not held up by clients that neither read, nor log in, nor close', async () => {
    const server = await startHostileServer();
    const publisher = await loginRaw(server, { publisher: 'bulk' });
    for (let round = 0; round < 10; round += 1) {
      const deaf = await loginRaw(server);
      deaf.send({ type: 'SUBSCRIBE', request: 1 });
      await deaf.take('LIVE');
      deaf.socket.pause();
      const mute = createConnection({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
      onTestFinished(() => void mute.destroy());
      mute.on('error', () => {});
      mute.write(Buffer.from([0, 0, 0x10]));
    }
    for (let number = 1; number <= 16; number += 1) publisher.publish(number, [Buffer.alloc(1_000_000)]);
    let acknowledged = 0;
    while (acknowledged < 16) acknowledged = (await publisher.take('ACKNOWLEDGED')).number;
    const stopped = server.stop();
    expect(await publisher.errorThenClose()).toBe('ERR_SHUTTING_DOWN');
    await within(stopped, 'the stop', 10_000);
    expect(server.log.failures).toEqual([]);
  });
});

describe('clients that cut their connection at any moment', () => {
  it('leave nothing behind', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const watcher = await loginRaw(server);
    const churn = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round += 1) await leave(server, round);
      await connectionsBecome(watcher, 3);
      return bytesInUse();
    };
    const before = await churn(200);
    const after = await churn(600);
    expect((after - before) / 600).toBeLessThan(8 * 1024);
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });
});

/** Get some way into a conversation, and reset the connection. */
async function leave(server: HostileServer, round: number): Promise<void> {
  const client = await RawClient.connect(server.port);
  const steps = round % 6;
  if (steps > 0) client.send({ type: 'LOGIN', versions: [1], publisher: `leaving-${round % 20}` });
  if (steps > 1) await client.take('LOGGED_IN');
  if (steps > 2) client.send({ type: 'SUBSCRIBE', request: 1, from: 1 });
  if (steps > 3) client.send({ type: 'REREQUEST', request: 2, from: 1, to: 1 });
  if (steps > 4) client.write(Buffer.from([0, 0x0f, 0, 0, 0x94, 4]));
  client.socket.resetAndDestroy();
  await client.closed;
}
