import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PublishAnswer, PublisherOwner } from '../../actors/publisher.js';
import type { Ref } from '../../actors/runtime/index.js';
import SessionActor, { type SessionProtocol } from '../../actors/session.js';
import type { SubscriptionListProtocol } from '../../actors/subscription-list.js';
import type { Publish } from '../../protocol/index.js';
import { StorageError, Store } from '../../storage/index.js';
import { until } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startSystem } from './actor-system.js';
import { silent } from './support.js';

const ask = { timeoutMs: 5_000 };

/** A follower that keeps what it is told. */
class List {
  readonly told: unknown[] = [];

  tell(topic: string, payload: object): void {
    this.told.push([topic, payload]);
  }
}

class Owner implements PublisherOwner {
  readonly answers: PublishAnswer[] = [];
  lost = false;

  answer(answer: PublishAnswer): void {
    this.answers.push(answer);
  }

  dropped(): void {}

  gone(): boolean {
    return false;
  }

  takenOver(): void {
    this.lost = true;
  }
}

function publishOf(number: number, session = ''): Publish {
  return { number, session, payloads: texts(`payload ${number}`), frame: Buffer.alloc(0) };
}

/** A Session on a store of its own. */
async function start() {
  const { directory, remove } = await temporaryDirectory();
  const clock = () => 1_000;
  const store = await Store.open({ directory, durability: 'os', clock, logger: silent, diskReserveBytes: 0 });
  onTestFinished(async () => {
    await store.close();
    await remove();
  });
  const log = await store.createSession('main', 'S1');
  const system = await startSystem();
  const parameters = { store, log, publishBytesMax: 1024 * 1024, clock };
  const session: Ref<SessionProtocol> = await system.spawn({ actor: SessionActor }, { name: 'Session', parameters });
  const list = new List();
  const attached = await session.ask('attach', { list: list as unknown as Ref<SubscriptionListProtocol> }, ask);
  const publish = (...values: string[]) =>
    session.ask('publish', { payloads: values.map((value) => Buffer.from(value)) }, ask);
  const login = async (publisher: string, owner = new Owner()) => {
    const asked = { source: 'main', publisher, durability: 'os' } as const;
    return { owner, opened: await session.ask('openPublisher', { login: asked, owner }, ask) };
  };
  return { store, log, session, list, attached, publish, login };
}

describe('a session', () => {
  it('tells its followers of what is durable, once it is', async () => {
    const { attached, log, list, publish } = await start();
    expect(attached).toEqual({ ring: log.ring, head: 0 });
    expect(await publish('a', 'b')).toEqual({ session: 'S1', firstSeq: 1, count: 2 });
    expect(list.told).toEqual([['committed', { seq: 2 }]]);
    expect(log.ring.lastSeq).toBe(2);
  });

  it('tells nothing more to a follower that was detached', async () => {
    const { session, list, publish } = await start();
    session.tell('detach', { list: list as unknown as Ref<SubscriptionListProtocol> });
    await publish('a');
    expect(list.told).toEqual([]);
  });

  it('acknowledges a publisher, and tells a later login its last number', async () => {
    const { login } = await start();
    const { owner, opened } = await login('p');
    expect(opened.published).toBe(0);
    opened.publish(publishOf(1));
    opened.publish(publishOf(2));
    await until(() => owner.answers.some((answer) => answer.number === 2), 'the acknowledgement');
    opened.close();
    expect((await login('p')).opened.published).toBe(2);
    expect((await login('other')).opened.published).toBe(0);
  });

  it('answers a login once what the publisher sent before is settled', async () => {
    const { login } = await start();
    const first = await login('p');
    for (const number of [1, 2, 3]) first.opened.publish(publishOf(number));
    const second = await login('p');
    expect([first.owner.lost, second.opened.published]).toEqual([true, 3]);
    expect(second.owner.answers).toEqual([]);
    first.opened.publish(publishOf(4));
    second.opened.publish(publishOf(4));
    await until(() => second.owner.answers.length > 0, 'the acknowledgement');
    expect(second.owner.answers[0]).toMatchObject({ type: 'ACKNOWLEDGED', number: 4, runs: [[4, 1, 4, 1]] });
  });

  it('lets the last of several logins at the same time have the publisher', async () => {
    const { login } = await start();
    const owners = [new Owner(), new Owner(), new Owner()];
    await Promise.all(owners.map((owner) => login('p', owner)));
    expect(owners.map(({ lost }) => lost)).toEqual([true, true, false]);
  });

  it('refuses publishes for another session, and says whether there was one', async () => {
    const { login } = await start();
    const { owner, opened } = await login('p');
    opened.publish(publishOf(1, 'S0'));
    opened.publish(publishOf(1, 'S1'));
    await until(() => owner.answers.length === 2, 'two answers');
    expect(owner.answers).toMatchObject([
      { type: 'REFUSED', number: 1, code: 'ERR_UNKNOWN_SESSION', remedy: 'never' },
      { type: 'ACKNOWLEDGED', number: 1 },
    ]);
  });

  it('ends behind everything that was queued, tells its followers, and refuses what comes after', async () => {
    const { session, list, log, login, publish } = await start();
    const { owner, opened } = await login('p');
    const last = publish('last');
    const [first, again] = await Promise.all([
      session.ask('endOfSession', { reason: 'closed' }, ask),
      session.ask('endOfSession', { reason: 'closed again' }, ask),
      last,
    ]);
    expect(first).toMatchObject({ session: 'S1', state: 'ended', lastSeq: 1, reason: 'closed' });
    expect(again).toEqual(first);
    expect(await session.ask('endOfSession', { reason: 'late' }, ask)).toEqual(first);
    expect(list.told).toEqual([
      ['committed', { seq: 1 }],
      ['sessionEnded', { lastSeq: 1, reason: 'closed' }],
    ]);
    opened.publish(publishOf(1));
    expect(owner.answers).toMatchObject([{ type: 'REFUSED', number: 1, code: 'ERR_SESSION_ENDED', remedy: 'never' }]);
    await expect(publish('late')).rejects.toMatchObject({ code: 'ERR_SESSION_ENDED' });
    const late = new List();
    const attached = await session.ask('attach', { list: late as unknown as Ref<SubscriptionListProtocol> }, ask);
    expect(attached).toEqual({ ring: log.ring, head: 1, end: { lastSeq: 1, reason: 'closed' } });
  });

  it('goes on when its end cannot be written', async () => {
    const { session, store, publish } = await start();
    vi.spyOn(store, 'endSession').mockRejectedValueOnce(new StorageError('ERR_NOT_WRITTEN', 'no disk'));
    await expect(session.ask('endOfSession', { reason: 'closed' }, ask)).rejects.toMatchObject({
      code: 'ERR_NOT_WRITTEN',
    });
    expect(await publish('more')).toEqual({ session: 'S1', firstSeq: 1, count: 1 });
    expect(await session.ask('endOfSession', { reason: 'closed' }, ask)).toMatchObject({ lastSeq: 1 });
  });

  it('settles what it has and refuses the rest when it is closed', async () => {
    const { session, publish, login } = await start();
    const { owner, opened } = await login('p');
    opened.publish(publishOf(1));
    await session.ask('close', {}, ask);
    opened.publish(publishOf(2));
    expect(owner.answers).toMatchObject([
      { type: 'ACKNOWLEDGED', number: 1 },
      { type: 'REFUSED', number: 2, code: 'ERR_SHUTTING_DOWN', remedy: 'reconnect' },
    ]);
    await expect(publish('late')).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
  });

  it('says what it holds', async () => {
    const { session, login } = await start();
    await login('reader');
    const { owner, opened } = await login('p');
    opened.publish(publishOf(1));
    await until(() => owner.answers.length === 1, 'the acknowledgement');
    expect(await session.ask('inspect', {}, ask)).toEqual({
      session: 'S1',
      queued: 0,
      queuedBytes: 0,
      publishers: 1,
      lists: 1,
    });
    opened.close();
    expect(await session.ask('inspect', {}, ask)).toMatchObject({ publishers: 0 });
  });
});
