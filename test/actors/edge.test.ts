import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import EdgeActor, { type EdgeProtocol } from '../../actors/edge.js';
import type { Origin } from '../../actors/origin.js';
import type { Rewinds } from '../../actors/rewinds.js';
import type { Ref } from '../../actors/runtime/index.js';
import { decodeServerMessage, encodeMessage, FrameReader, limits, type ServerMessage } from '../../protocol/index.js';
import { turn, until } from '../support/deadline.js';
import { startSystem } from './actor-system.js';
import { TestOrigin } from './requests-stage.js';
import { socketPair } from './support.js';

async function start({ connectionsMax = 100, loginsMax = 100 } = {}): Promise<Ref<EdgeProtocol>> {
  const system = await startSystem();
  const edgeLimits = { connectionsMax, loginsMax, publishBytesMax: 1_000, ringBytesMax: 1_000, server: 'test/1' };
  const origin = new TestOrigin() as unknown as Origin;
  const rewinds = { size: 3 } as Rewinds;
  return system.spawn({ actor: EdgeActor }, { name: 'Edge', parameters: { limits: edgeLimits, origin, rewinds } });
}

/** What arrives at a client's end. */
function hearing(far: Socket): ServerMessage[] {
  const reader = new FrameReader(limits.frameBytesMax);
  const heard: ServerMessage[] = [];
  far.on('data', (chunk) => {
    reader.push(chunk);
    for (let frame = reader.take(); frame; frame = reader.take()) heard.push(decodeServerMessage(frame));
  });
  return heard;
}

/** A client whose connection the edge was handed. */
async function client(edge: Ref<EdgeProtocol>, { login = false } = {}) {
  const { near, far } = await socketPair();
  const heard = hearing(far);
  let ended = false;
  far.on('close', () => {
    ended = true;
  });
  if (login) far.write(encodeMessage({ type: 'LOGIN', versions: [1] }));
  edge.sendSocket(near, {});
  const hears = async (type: ServerMessage['type']) => {
    await until(() => heard.some((message) => message.type === type), type);
    return heard.find((message) => message.type === type)!;
  };
  if (login) await until(() => heard.length > 0, 'an answer to the login');
  return { far, heard, hears, ended: () => ended };
}

const ask = { timeoutMs: 5_000 };
const tick = 25;
/** After which one that has not logged in may be given up. */
const aMoment = 1_000 + 2 * tick;

/** The edge has looked at least once at what each of its sockets has to read. */
async function socketsAreRead(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await turn();
}

function pausedClock(): { pass(ms: number): void } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return { pass: (ms) => void vi.advanceTimersByTime(ms) };
}

describe('an edge', () => {
  it('counts its connections and forgets those that go', async () => {
    const edge = await start();
    const one = await client(edge, { login: true });
    await client(edge, { login: true });
    expect(await edge.ask('inspect', { linesMax: 100 }, ask)).toEqual({
      pid: process.pid,
      connections: 2,
      rewinds: 3,
      publishBytes: 0,
      subscriptions: [],
      subscriptionCount: 0,
    });
    one.far.destroy();
    let { connections } = await edge.ask('inspect', { linesMax: 100 }, ask);
    while (connections === 2) {
      await turn();
      ({ connections } = await edge.ask('inspect', { linesMax: 100 }, ask));
    }
    expect(connections).toBe(1);
  });

  it('refuses one connection too many, and the ERROR arrives although the client has sent a lot', async () => {
    const edge = await start({ connectionsMax: 1 });
    await client(edge, { login: true });
    const refused = await client(edge, { login: true });
    refused.far.write(Buffer.alloc(1024 * 1024));
    expect(refused.heard).toMatchObject([{ type: 'ERROR', code: 'ERR_TOO_MANY_CONNECTIONS', remedy: 'reconnect' }]);
    await until(refused.ended, 'the end of the connection');
  });

  it('gives up the login that has waited longest when there are too many, but nobody who has logged in', async () => {
    const clock = pausedClock();
    const edge = await start({ loginsMax: 2 });
    const members = [];
    for (let count = 0; count < 5; count += 1) members.push(await client(edge, { login: true }));
    const waiting = [await client(edge), await client(edge), await client(edge)];
    await socketsAreRead();
    clock.pass(aMoment);
    expect(await waiting[0]!.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT', remedy: 'reconnect' });
    waiting.push(await client(edge));
    await socketsAreRead();
    clock.pass(tick);
    expect(await waiting[1]!.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT' });
    waiting[2]!.far.write(encodeMessage({ type: 'LOGIN', versions: [1] }));
    await waiting[2]!.hears('LOGGED_IN');
    for (const member of members) expect(member.heard.some(({ type }) => type === 'ERROR')).toBe(false);
  });

  it('gives up nobody of a crowd that has only just dialled, or whose logins lie in the sockets unread', async () => {
    const clock = pausedClock();
    const edge = await start({ loginsMax: 2 });
    const crowd = [];
    for (let count = 0; count < 10; count += 1) crowd.push(await client(edge));
    await socketsAreRead();
    clock.pass(aMoment - 2 * tick);
    await socketsAreRead();
    for (const { far } of crowd) far.write(encodeMessage({ type: 'LOGIN', versions: [1] }));
    clock.pass(3 * tick);
    for (const { hears } of crowd) await hears('LOGGED_IN');
    for (const { heard } of crowd) expect(heard.map(({ type }) => type)).toEqual(['LOGGED_IN']);
  });

  it('gives the place of one that has not logged in to a newcomer when there is no other', async () => {
    const edge = await start({ connectionsMax: 2 });
    await client(edge, { login: true });
    const slow = await client(edge);
    await socketsAreRead();
    const newcomer = await client(edge, { login: true });
    expect(newcomer.heard).toMatchObject([{ type: 'LOGGED_IN' }]);
    expect(await slow.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT' });
    await until(slow.ended, 'the end of the slow one');
  });

  it('takes nobody the place whose login lies in the socket unread', async () => {
    const edge = await start({ connectionsMax: 1 });
    const { near, far } = await socketPair();
    const other = await socketPair();
    onTestFinished(() => void far.destroy());
    onTestFinished(() => void other.far.destroy());
    const heard = hearing(far);
    const otherHeard = hearing(other.far);
    for (const socket of [far, other.far]) socket.write(encodeMessage({ type: 'LOGIN', versions: [1] }));
    edge.sendSocket(near, {});
    edge.sendSocket(other.near, {});
    await until(() => heard.length > 0 && otherHeard.length > 0, 'an answer to both');
    expect(heard).toMatchObject([{ type: 'LOGGED_IN' }]);
    expect(otherHeard).toMatchObject([{ type: 'ERROR', code: 'ERR_TOO_MANY_CONNECTIONS' }]);
  });

  it('tells its clients to reconnect when it drains, and takes nobody any more', async () => {
    const edge = await start();
    const [one, other] = [await client(edge, { login: true }), await client(edge)];
    await edge.ask('drain', {}, ask);
    for (const member of [one, other]) {
      expect(await member.hears('ERROR')).toMatchObject({ code: 'ERR_SHUTTING_DOWN', remedy: 'reconnect' });
    }
    const late = await client(edge, { login: true });
    expect(late.heard).toMatchObject([{ type: 'ERROR', code: 'ERR_SHUTTING_DOWN' }]);
    await edge.ask('drain', {}, ask);
  });

  it('cuts all connections when it is stopped', async () => {
    const edge = await start();
    const one = await client(edge, { login: true });
    await edge.stop();
    await until(one.ended, 'the end of the connection');
  });

  it('looks at deadlines and heartbeats a few times a second, after it has read what came', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    try {
      const edge = await start();
      const silent = await client(edge);
      const heartbeats = await client(edge, { login: true });
      vi.advanceTimersByTime(1_000);
      await heartbeats.hears('HEARTBEAT');
      vi.advanceTimersByTime(limits.loginMs);
      expect(await silent.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT' });
    } finally {
      vi.useRealTimers();
    }
  });
});
