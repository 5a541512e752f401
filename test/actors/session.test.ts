import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { MessageProcess } from '../../actors/message-processes.js';
import type { PublishAnswer, PublisherOwner } from '../../actors/publisher.js';
import type { Ref } from '../../actors/runtime/index.js';
import SessionActor, { type SessionProtocol } from '../../actors/session.js';
import { SessionCalendar } from '../../actors/session-calendar.js';
import type { SubscriptionListProtocol } from '../../actors/subscription-list.js';
import type { Publish } from '../../protocol/index.js';
import { StorageError, Store } from '../../storage/index.js';
import { until } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startSystem } from './actor-system.js';
import { deferred, silent } from './support.js';

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
  const calendar = new SessionCalendar(clock, { timeZone: 'UTC' });
  const parameters = { store, log, calendar, publishBytesMax: 1024 * 1024, clock };
  const session: Ref<SessionProtocol> = await system.spawn({ actor: SessionActor }, { name: 'Session', parameters });
  const list = new List();
  const attach = (number: number, follower: List) =>
    session.ask('attach', { log: number, list: follower as unknown as Ref<SubscriptionListProtocol> }, ask);
  const attached = await attach(log.number, list);
  const publish = (...values: string[]) =>
    session.ask('publish', { payloads: values.map((value) => Buffer.from(value)) }, ask);
  const login = async (publisher: string, owner = new Owner()) => {
    const asked = { source: 'main', publisher, durability: 'os' } as const;
    return { owner, opened: await session.ask('openPublisher', { login: asked, owner }, ask) };
  };
  /** The next roll comes as far as the disk, and no further before it is let. */
  const holdRoll = () => {
    const reached = deferred<void>();
    const gate = deferred<void>();
    const rollSession = store.rollSession.bind(store);
    vi.spyOn(store, 'rollSession').mockImplementationOnce(async (...given) => {
      reached.resolve();
      await gate.promise;
      return rollSession(...given);
    });
    return { reached: reached.promise, let: () => gate.resolve() };
  };
  const roll = (name: string, more: { discardReason?: string } = {}) =>
    session.ask('roll', { session: name, reason: 'closed', ...more }, ask);
  return { store, log, session, list, attach, attached, publish, login, roll, holdRoll };
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
    const { session, log, list, publish } = await start();
    session.tell('detach', { log: log.number, list: list as unknown as Ref<SubscriptionListProtocol> });
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

  it('is rolled behind everything that was queued; what comes meanwhile is in the next one', async () => {
    const { store, list, log, login, publish, roll, holdRoll } = await start();
    const { owner, opened } = await login('p');
    opened.publish(publishOf(1));
    const last = publish('last');
    const held = holdRoll();
    const rolling = roll('S2');
    await held.reached;
    opened.publish(publishOf(2));
    const first = publish('first');
    held.let();
    const rolled = await rolling;
    expect(rolled.ended).toMatchObject({ session: 'S1', state: 'ended', lastSeq: 2, reason: 'closed', next: 'S2' });
    expect(rolled.opened).toMatchObject({ session: 'S2', state: 'active' });
    expect([await last, await first]).toMatchObject([{ session: 'S1' }, { session: 'S2' }]);
    await until(() => owner.answers.length === 2, 'both acknowledgements');
    expect(owner.answers).toMatchObject([
      { number: 1, session: 'S1', epoch: log.epoch, runs: [[1, 1, 1, 1]] },
      { number: 2, session: 'S2', epoch: rolled.opened.epoch, runs: [[2, 1, 1, 1]] },
    ]);
    expect(list.told[list.told.length - 1]).toEqual(['sessionEnded', { lastSeq: 2, reason: 'closed', next: 'S2' }]);
    expect(store.activeSession('main')!.lastSeq).toBe(2);
  });

  it('tells those who follow the next session of what is durable there, and nobody else', async () => {
    const { list, attach, publish, roll } = await start();
    const { opened } = await roll('S2');
    const next = new List();
    expect(await attach(opened.log, next)).toMatchObject({ head: 0 });
    await publish('a');
    expect(next.told).toEqual([['committed', { seq: 1 }]]);
    expect(list.told).toHaveLength(1);
  });

  it('answers one who comes to the session that has ended with its end', async () => {
    const { log, attach, publish, roll } = await start();
    await publish('a');
    await roll('S2', { discardReason: 'nonsense' });
    const late = new List();
    const end = { lastSeq: 1, reason: 'closed', discarded: true, discardReason: 'nonsense', next: 'S2' };
    expect(await attach(log.number, late)).toMatchObject({ head: 1, end });
    await roll('S3');
    expect(late.told).toEqual([]);
  });

  it('gives back the memory of the session before the one that has ended, whoever still reads it', async () => {
    const { log, publish, roll } = await start();
    await publish('a');
    await roll('S2');
    expect(log.ring.bytes).toBeGreaterThan(0);
    await roll('S3');
    expect(log.ring.bytes).toBe(0);
  });

  it('refuses a publish for the session that has ended, by its name, and goes on with those that name none', async () => {
    const { login, roll } = await start();
    const { owner, opened } = await login('p');
    await roll('S2');
    opened.publish(publishOf(1, 'S1'));
    opened.publish(publishOf(1, 'S2'));
    opened.publish(publishOf(2));
    await until(() => owner.answers.length === 2 && owner.answers[1]!.number === 2, 'the answers');
    expect(owner.answers).toMatchObject([
      { type: 'REFUSED', number: 1, code: 'ERR_SESSION_ENDED', remedy: 'never' },
      { type: 'ACKNOWLEDGED', session: 'S2', number: 2 },
    ]);
  });

  it('has a publish that names a session tried again while that is being rolled, for its fate is not known', async () => {
    const { login, roll, holdRoll } = await start();
    const { owner, opened } = await login('p');
    const held = holdRoll();
    const rolling = roll('S2');
    await held.reached;
    opened.publish(publishOf(1, 'S1'));
    expect(owner.answers).toMatchObject([{ type: 'REFUSED', number: 1, code: 'ERR_BUSY', remedy: 'retry' }]);
    held.let();
    await rolling;
    opened.publish(publishOf(1, 'S1'));
    expect(owner.answers[1]).toMatchObject({ type: 'REFUSED', number: 1, code: 'ERR_SESSION_ENDED', remedy: 'never' });
  });

  it('gives a repeat the acknowledgement of the session it was published to', async () => {
    const { log, login, roll } = await start();
    const first = await login('p');
    first.opened.publish(publishOf(1));
    await until(() => first.owner.answers.length === 1, 'the acknowledgement');
    await roll('S2');
    const second = await login('p');
    expect(second.opened.published).toBe(1);
    second.opened.publish(publishOf(1));
    expect(second.owner.answers).toMatchObject([{ number: 1, session: 'S1', epoch: log.epoch, runs: [[1, 1, 1, 1]] }]);
  });

  it('goes on with what was held when it cannot be rolled', async () => {
    const { store, publish, roll, list } = await start();
    let held: ReturnType<typeof publish> | undefined;
    vi.spyOn(store, 'rollSession').mockImplementationOnce(async () => {
      held = publish('more');
      throw new StorageError('ERR_NOT_WRITTEN', 'no disk');
    });
    await expect(roll('S2')).rejects.toMatchObject({ code: 'ERR_NOT_WRITTEN' });
    expect(await held).toEqual({ session: 'S1', firstSeq: 1, count: 1 });
    expect(list.told).toEqual([['committed', { seq: 1 }]]);
    expect(await roll('S2')).toMatchObject({ ended: { lastSeq: 1 } });
  });

  it('tells a message generating process of a session before its first message, and has it finish the one before', async () => {
    const { session, publish, roll } = await start();
    const heard: string[] = [];
    const finish = deferred<void>();
    const process = {
      tell: (topic: string, { session: name }: { session: string }) => heard.push(`${topic} ${name}`),
      ask: (topic: string, { session: name }: { session: string }) => {
        heard.push(`${topic} ${name}`);
        return finish.promise;
      },
    };
    session.tell('generatedBy', { process: process as unknown as MessageProcess['process'], listener: session });
    const rolling = roll('S2');
    await until(() => heard.length === 2, 'the question whether it has finished');
    expect(await publish('its last one')).toMatchObject({ session: 'S1' });
    expect(heard).toEqual(['sessionOpened S1', 'sessionClosed S1']);
    finish.resolve();
    await rolling;
    expect(heard).toEqual(['sessionOpened S1', 'sessionClosed S1', 'sessionOpened S2']);
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
