import { describe, expect, it } from 'vitest';
import { encodeMessage, limits } from '../../protocol/index.js';
import {
  connectionsBecome,
  connectRaw,
  forwardableClock,
  type HostileServer,
  loginRaw,
  type RawClient,
  startBystanders,
  startHostileServer,
} from './support.js';

const login = encodeMessage({ type: 'LOGIN', versions: [1], client: 'slow' });

describe('a connection that does not log in', () => {
  it.each([
    ['says nothing', Buffer.alloc(0)],
    ['sends half a length', login.subarray(0, 2)],
    ['sends a truncated frame', login.subarray(0, login.length - 1)],
    ['promises as much as it may and sends a byte', Buffer.from([0, 0, 0x20, 0, 0x92])],
  ])('is closed with ERR_LOGIN_TIMEOUT when it %s', async (_, bytes) => {
    const clock = forwardableClock();
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const client = await connectRaw(server);
    client.write(bytes);
    await bystanders.progress();
    expect(client.inbox.items).toEqual([]);
    clock.forward(limits.loginMs + 1);
    expect(await client.errorThenClose()).toBe('ERR_LOGIN_TIMEOUT');
    expect(await server.log.withCode('ERR_LOGIN_TIMEOUT')).toMatchObject({ level: 40 });
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('is closed however steadily it drips bytes: the deadline is for the whole login', async () => {
    const clock = forwardableClock();
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const client = await connectRaw(server);
    let sent = 0;
    for (let second = 0; second * 1000 <= limits.loginMs && !client.gone; second += 1) {
      client.write(login.subarray(sent, sent + 1));
      sent += 1;
      await bystanders.progress();
      clock.forward(1_001);
    }
    expect(await client.errorThenClose()).toBe('ERR_LOGIN_TIMEOUT');
    expect(sent).toBeLessThan(login.length);
    await bystanders.noticeNothing();
  });

  it('is closed after the deadline as it passes in reality, and others are not', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const idle = await loginRaw(server);
    const client = await connectRaw(server);
    client.write(login.subarray(0, 9));
    expect(await client.errorThenClose()).toBe('ERR_LOGIN_TIMEOUT');
    await connectionsBecome(idle, 3);
    await bystanders.noticeNothing();
  });

  it('frees what it held when it leaves by itself in the middle of a frame', async () => {
    const server = await startHostileServer();
    const watcher = await loginRaw(server);
    const client = await connectRaw(server);
    client.socket.end(login.subarray(0, 9));
    await client.closed;
    await connectionsBecome(watcher, 1);
    expect(server.log.failures).toEqual([]);
  });
});

/** Milliseconds of time that pass between two heartbeats of a watcher. */
const stepMs = 4_000;

/** Let time pass, no faster than those who answer heartbeats can answer. */
async function passTime(clock: { forward(ms: number): void }, watcher: RawClient, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    clock.forward(stepMs);
    await watcher.heartbeat();
  }
}

async function startWatched(): Promise<{
  clock: ReturnType<typeof forwardableClock>;
  server: HostileServer;
  watcher: RawClient;
}> {
  const clock = forwardableClock();
  const server = await startHostileServer();
  return { clock, server, watcher: await loginRaw(server) };
}

describe('a client that has logged in', () => {
  it('is closed with ERR_SILENT when it sends no heartbeat, and one that sends them is not', async () => {
    const { clock, server, watcher } = await startWatched();
    const bystanders = await startBystanders(server);
    const silent = await loginRaw(server);
    silent.mute = true;
    await passTime(clock, watcher, limits.silenceMs + 2_000);
    expect(await silent.errorThenClose()).toBe('ERR_SILENT');
    expect(await server.log.withCode('ERR_SILENT')).toMatchObject({ level: 40 });
    expect(watcher.gone).toBe(false);
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('is closed with ERR_SILENT when it stops in the middle of a large frame', async () => {
    const { clock, server, watcher } = await startWatched();
    const silent = await loginRaw(server, { publisher: 'half' });
    silent.mute = true;
    silent.write(Buffer.concat([Buffer.from([0, 0x10, 0, 0]), Buffer.alloc(500_000)]));
    await passTime(clock, watcher, limits.silenceMs + 2_000);
    expect(await silent.errorThenClose()).toBe('ERR_SILENT');
    expect(server.log.failures).toEqual([]);
  });

  it('is alive as long as any part of a frame comes in', async () => {
    const { clock, server, watcher } = await startWatched();
    const slow = await loginRaw(server);
    slow.mute = true;
    const frame = encodeMessage({ type: 'SESSIONS', request: 9, source: 'a source nobody has heard of' });
    for (let sent = 0; sent < frame.length; sent += 8) {
      slow.write(frame.subarray(sent, sent + 8));
      await passTime(clock, watcher, 8_000);
    }
    expect(await slow.take('REJECTED')).toMatchObject({ request: 9, code: 'ERR_UNKNOWN_SOURCE' });
    expect(server.log.failures).toEqual([]);
  });
});
