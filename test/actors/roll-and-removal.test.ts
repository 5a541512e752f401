import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig } from '../../actors/server-config.js';
import { startServer } from '../../actors/start-server.js';
import { type Client, connect } from '../../client/index.js';
import { turn, until } from '../support/deadline.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { silent } from './support.js';

const rolls = 12;

/** What one who follows was given of each session: numbers delivered, numbers lost, and its end, each once and in order. */
class Account {
  readonly sessions: { session: string; next: number; lost: number; end?: number; behind?: string | undefined }[] = [];

  at(session: string) {
    const last = this.sessions.at(-1);
    if (last?.session === session) return last;
    if (last) expect([last.behind, last.next], `the end of ${last.session}`).toEqual([session, last.end! + 1]);
    const next = { session, next: 1, lost: 0 };
    this.sessions.push(next);
    return next;
  }
}

/** Follow from the first message on, pausing behind each `every` messages, until so many sessions have ended. */
async function follow(client: Client, first: string, sessions: number, every: number): Promise<Account> {
  const account = new Account();
  const subscription = client.subscribe({ session: first, from: 1, follow: true });
  subscription.on('lost', ({ session, from, to }) => {
    const at = account.at(session);
    expect(from).toBe(at.next);
    at.lost += to - from + 1;
    at.next = to + 1;
  });
  subscription.on('ended', ({ session, lastSeq, next }) => {
    Object.assign(account.at(session), { end: lastSeq, behind: next });
    if (account.sessions.length === sessions) subscription.close();
  });
  let count = 0;
  for await (const { session, seq } of subscription) {
    const at = account.at(session);
    expect(seq).toBe(at.next);
    at.next += 1;
    count += 1;
    if (count % every === 0) for (let turns = 0; turns < 50; turns += 1) await turn();
  }
  return account;
}

/** Bring back what retention removes, one session after the other, while `going` says so. @returns how many were */
async function restoring(client: Client, sessions: () => string[], going: () => boolean): Promise<number> {
  let count = 0;
  while (going()) {
    for (const session of sessions()) {
      const restored = await client.restore({ session }).catch(({ code }) => expect(notRestored).toContain(code));
      if (restored) count += 1;
    }
    await turn();
  }
  return count;
}

/** It is there, or is not archived yet; or is the active one. */
const notRestored = ['ERR_SESSION_EXISTS', 'ERR_NO_ARCHIVE'];

it.each(['removals', 'removals and restores'])(
  'rolls and %s in quick succession: followers have every number once, or are told that it is lost',
  async (what) => {
    const { directory, remove } = await temporaryDirectory();
    const generator = { ...defaultServerConfig.generator, rate: 0 };
    const retention = { retentionCount: 1, retentionGraceMs: 0, diskReserveBytes: 0 };
    const config = { ...defaultServerConfig, durability: 'os', data: directory, port: 0, generator } as const;
    const restores = what !== 'removals';
    const archives = restores ? { archiveDirectory: join(directory, 'archives') } : {};
    const server = await startServer({ ...config, ...retention, ...archives, ringBytesMax: 262_144 }, silent);
    const clients: Client[] = [];
    onTestFinished(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
      await remove();
    });
    const open = async (options: object) => {
      const client = await connect({ port: server.port, ...options });
      clients.push(client);
      return client;
    };
    const publisher = await open({ publisher: 'p' });
    const { session: first } = (await publisher.sessions())[0]!;
    const readers: { reading: Promise<Account> }[] = [];
    for (const every of [1_000_000, 20_000, 2_000]) {
      const client = await open({ publisher: false, receiveBytesMax: 65_536 });
      readers.push({ reading: follow(client, first, rolls, every) });
    }
    const acknowledged = new Map<string, number>();
    let rolling = true;
    const publishing = (async () => {
      while (rolling) {
        const { session, firstSeq, count } = await publisher.publish(
          Array.from({ length: 50 }, () => Buffer.alloc(200)),
        );
        expect(firstSeq, `one behind the other in ${session}`).toBe((acknowledged.get(session) ?? 0) + 1);
        acknowledged.set(session, firstSeq + count - 1);
      }
    })();
    const restored =
      restores &&
      restoring(
        await open({ publisher: false }),
        () => [...acknowledged.keys()],
        () => rolling,
      );
    const roller = await open({ publisher: false });
    for (let roll = 1; roll <= rolls; roll += 1) {
      const [active] = (await roller.sessions()).slice(-1);
      await until(() => (acknowledged.get(active!.session) ?? 0) >= 2_000, `messages of ${active!.session}`);
      await roller.roll({ reason: `roll ${roll}` });
    }
    rolling = false;
    await publishing;
    if (restored) expect(await restored).toBeGreaterThan(0);
    for (const { reading } of readers) {
      const { sessions } = await reading;
      expect(sessions).toHaveLength(rolls);
      for (const { session, next, end } of sessions) {
        expect([session, next - 1]).toEqual([session, end]);
        expect([session, end]).toEqual([session, acknowledged.get(session) ?? 0]);
      }
    }
  },
);
