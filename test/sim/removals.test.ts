import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import { archiveSession, restoreSession } from '../../storage/archive/index.js';
import type { Page, Store } from '../../storage/index.js';
import { turn, within } from '../support/deadline.js';
import { Random } from '../support/random.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Front, startServerUnderTest } from './server-under-test.js';

const sessions = 8;
const publishesEach = 20;
const messagesEach = 25;
const latecomers = 24;
/** A session is a few pages. */
const payloadBytes = 2_000;
/** Behind so many pages a session is removed, or comes back. */
const changeChance = 0.1;
/** A ring of a few publishes: who is behind comes from the log. */
const ringBytesMax = 16 * 1024;

/** What one who follows was given: every number of each session once, or the news that it is lost. */
class Account {
  delivered = 0;
  #at: { session: string; next: number } | undefined;
  /** The session that is to come, behind an end. */
  #behind: string | undefined;

  take(session: string, from: number, to: number): void {
    if (this.#behind !== undefined)
      expect([session, from], 'the first of the session behind').toEqual([this.#behind, 1]);
    else if (this.#at) expect([session, from]).toEqual([this.#at.session, this.#at.next]);
    this.#behind = undefined;
    this.#at = { session, next: to + 1 };
  }

  end(session: string, lastSeq: number, next: string | undefined): void {
    if (lastSeq > 0) expect([session, lastSeq + 1]).toEqual([this.#at?.session, this.#at?.next]);
    this.#behind = next;
  }
}

/** Follow the source from there to its last message. @returns what came */
async function readAll(client: Client, start: { session: string; from: number }, counts: ReadonlyMap<string, number>) {
  const account = new Account();
  const subscription = client.subscribe({ ...start, follow: true });
  subscription.on('lost', ({ session, from, to, reason }) => {
    account.take(session, from, to);
    expect([reason, to]).toEqual(['retention', counts.get(session)]);
  });
  subscription.on('ended', ({ session, lastSeq, next }) => account.end(session, lastSeq, next));
  for await (const { session, seq, payload } of subscription) {
    if (String(payload) === 'the last one') break;
    account.take(session, seq, seq);
    account.delivered += 1;
    if (account.delivered % 50 === 0) for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(String(payload)).toBe(`${session} ${seq}`.padEnd(payloadBytes, '.'));
  }
  return account;
}

/** One session of those that have ended goes, or comes back. */
async function change(store: Store, random: Random, directory: string): Promise<void> {
  const known = store.sessionNames('main').map((name) => store.findSession('main', name)!);
  const ended = known.filter((session) => session?.state === 'ended');
  if (ended.length === 0) return;
  const { session, log, removedMs } = random.pick(ended);
  const path = join(directory, session);
  if (removedMs !== undefined) return void (await restoreSession(store, path));
  await archiveSession(store, store.log(log)!, path);
  await store.keeping.remove(store.log(log)!);
}

it.each<Front>(['one process', 'an edge'])(
  'sessions that are removed and restored while they are read are had whole or told as lost, each in its place: %s',
  { timeout: 120_000 },
  async (front) => {
    const random = new Random();
    console.log(`removals, ${front}: SEED=${random.seed}`);
    const { directory, remove } = await temporaryDirectory();
    let changes = 0;
    let changing = Promise.resolve();
    const read = async (page: () => Promise<Page>, store: Store): Promise<Page> => {
      if (random.chance(changeChance)) {
        changes += 1;
        changing = changing.then(() => change(store, random, directory));
      }
      return page();
    };
    const config = { ringBytesMax, pageCacheBytesMax: 1, durability: 'os' } as const;
    const server = await startServerUnderTest(front, config, read);
    const clients: Client[] = [];
    const client = async () => {
      const connected = await connect({ port: server.port, closeMs: 100, receiveBytesMax: 65_536 });
      clients.push(connected);
      return connected;
    };
    try {
      const publisher = await client();
      const counts = new Map<string, number>();
      const names: string[] = [];
      const reading: Promise<Account>[] = [];
      for (let number = 0; number < sessions; number += 1) {
        const { session } = (await publisher.sessions()).at(-1)!;
        names.push(session);
        for (let publish = 0; publish < publishesEach; publish += 1) {
          const from = counts.get(session) ?? 0;
          const texts = Array.from({ length: messagesEach }, (_, index) =>
            `${session} ${from + index + 1}`.padEnd(payloadBytes, '.'),
          );
          const { firstSeq, count } = await publisher.publish(texts.map((text) => Buffer.from(text)));
          counts.set(session, firstSeq + count - 1);
        }
        for (let reader = 0; reader < latecomers / sessions; reader += 1) {
          reading.push(readAll(await client(), { session: random.pick(names), from: 1 }, counts));
        }
        if (number < sessions - 1) await publisher.roll({ reason: `roll ${number}` });
      }
      await publisher.publish(Buffer.from('the last one'));
      const accounts = await within(Promise.all(reading), 'every latecomer to have everything', 90_000);
      await changing;
      expect(accounts).toHaveLength(latecomers);
      expect(changes).toBeGreaterThan(0);
    } finally {
      await Promise.all(clients.map((each) => each.close()));
      await server.stop();
      await remove();
    }
  },
);
