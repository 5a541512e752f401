import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { type RunningServer, startServer } from '../../actors/start-server.js';
import { type Client, connect, type SubscribeOptions } from '../../client/index.js';
import { eventually } from '../support/deadline.js';
import { lineLogin, SoupClient } from '../support/soup-client.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { silent } from './support.js';

let data: string;
let remove: () => Promise<void>;
let server: RunningServer;
let client: Client;

beforeEach(async () => {
  ({ directory: data, remove } = await temporaryDirectory());
});
afterEach(async () => {
  await client.close();
  await server.stop();
  await remove();
});

/** A server that keeps one session that has ended of each source, and nobody's session for long. */
async function start(more: Partial<ServerConfig> = {}): Promise<void> {
  const generator = { ...defaultServerConfig.generator, rate: 0 };
  const ports = { port: 0, soupPort: 0 };
  const retention = { retentionCount: 1, retentionGraceMs: 0, diskReserveBytes: 0 };
  const config = { ...defaultServerConfig, durability: 'os', data, ...ports, generator, ...retention } as const;
  server = await startServer({ ...config, ...more }, silent);
  client = await connect({ port: server.port, publisher: 'test' });
}

async function restart(more: Partial<ServerConfig> = {}): Promise<void> {
  await client.close();
  await server.stop();
  await start(more);
}

/** Roll the session behind so many messages. @returns its name and epoch */
async function session(messages: number, bytes = 10): Promise<{ session: string; epoch: string }> {
  let epoch = '';
  for (let left = messages; left > 0; left -= 1) ({ epoch } = await client.publish(Buffer.alloc(bytes)));
  const { ended } = await client.roll({ reason: 'enough' });
  return { session: ended!.session, epoch: ended!.epoch || epoch };
}

const kept = async () => (await client.sessions()).map(({ session }) => session);

async function removed(name: string): Promise<void> {
  await eventually(async () => !(await kept()).includes(name) || undefined, `the removal of ${name}`);
}

/** What a subscriber is told, in order; sessions by the end of their names. */
function told(options: SubscribeOptions, by: Client = client) {
  const heard: string[] = [];
  const subscription = by.subscribe(options);
  onTestFinished(() => subscription.close());
  const tell = (name: string, what: string) => heard.push(`${name.slice(-2)}: ${what}`);
  subscription.on('lost', ({ session: of, from, to, reason }) => tell(of, `lost ${from}..${to} ${reason}`));
  subscription.on('ended', ({ session: of, lastSeq, next }) => tell(of, `ended ${lastSeq}, then ${next?.slice(-2)}`));
  subscription.on('live', ({ session: of, seq }) => tell(of, `live at ${seq}`));
  return { heard, subscription };
}

async function drained(subscription: AsyncIterable<{ session: string; seq: number }>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq } of subscription) numbers.push(seq);
  return numbers;
}

describe('a session that retention has removed', () => {
  it('is announced as lost, with its end, to one who resumes it, also after a restart and where closed ones are rejected', async () => {
    await start();
    const first = await session(5);
    await session(1);
    await session(1);
    await removed(first.session);
    for (const closedSessions of ['pull', 'reject'] as const) {
      const resumed = told({ ...first, from: 3 });
      expect(await drained(resumed.subscription)).toEqual([]);
      expect(resumed.heard).toEqual(['01: lost 3..5 retention', '01: ended 5, then 02']);
      const atEnd = told({ ...first, from: 6 });
      expect(await drained(atEnd.subscription)).toEqual([]);
      expect(atEnd.heard).toEqual(['01: ended 5, then 02']);
      await restart({ closedSessions });
    }
    const rejected = drained(told({ session: first.session, from: 3 }).subscription);
    await expect(rejected, 'who is new').rejects.toMatchObject({ code: 'ERR_SESSION_ENDED' });
    const reset = drained(told({ ...first, epoch: 'another', from: 3 }).subscription);
    await expect(reset).rejects.toMatchObject({ code: 'ERR_RESET', facts: { firstSeq: 6, lastSeq: 5 } });
  });

  it('is passed by one who follows, who is told of each that is skipped and goes on with the next one kept', async () => {
    await start();
    const first = await session(3);
    const second = await session(2);
    await session(0);
    const last = await session(4);
    await removed(second.session);
    await eventually(async () => (await kept()).length === 2 || undefined, 'one ended session');
    await client.publish(Buffer.from('now'));
    const { heard, subscription } = told({ ...first, from: 2, follow: true });
    const got: string[] = [];
    for await (const { session: of, seq } of subscription) {
      got.push(`${of.slice(-2)}:${seq}`);
      if (of !== last.session) break;
    }
    expect(got).toEqual(['04:1', '04:2', '04:3', '04:4', '05:1']);
    expect(heard.slice(0, 6)).toEqual([
      '01: lost 2..3 retention',
      '01: ended 3, then 02',
      '02: lost 1..2 retention',
      '02: ended 2, then 03',
      '03: ended 0, then 04',
      '04: ended 4, then 05',
    ]);
  });

  it('and those behind it are announced to a follower that had stopped to read while it was removed', async () => {
    await start();
    const slow = await connect({ port: server.port, publisher: false, receiveBytesMax: 100_000 });
    onTestFinished(() => slow.close());
    const { heard, subscription } = told({ from: 1, follow: true }, slow);
    const names: string[] = [];
    for (const messages of [60, 1, 1]) names.push((await session(messages, 1_000_000)).session);
    await removed(names[0]!);
    await removed(names[1]!);
    let next = 1;
    let current = names[0]!;
    for await (const { session: of, seq } of subscription) {
      if (of !== current) {
        current = of;
        next = 1;
      }
      expect(seq).toBe(next);
      next += 1;
      if (of === names[2]) break;
    }
    const losses = heard.slice(heard.findIndex((line) => line.includes('lost')));
    expect(losses[0]).toMatch(/^01: lost \d+\.\.60 retention$/);
    expect(losses.slice(1, 4)).toEqual(['01: ended 60, then 02', '02: lost 1..1 retention', '02: ended 1, then 03']);
  });

  it('is at its end for a Soup client that resumes it', async () => {
    await start();
    const first = await session(5);
    await session(1);
    await session(1);
    await removed(first.session);
    const resumed = await SoupClient.loggedIn(server.soupPort!, 'lines', lineLogin(3, first.session));
    onTestFinished(() => resumed.destroy());
    expect(resumed.first).toBe(6);
    await resumed.take('Z');
    expect(resumed.texts).toEqual([]);
  });
});
