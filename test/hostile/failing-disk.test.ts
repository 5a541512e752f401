import { describe, expect, it } from 'vitest';
import { FailingDisk } from './failing-disk.js';
import { connectRaw, type HostileServer, loginRaw, type RawClient, startOnStore } from './support.js';

const texts = (...values: string[]): Buffer[] => values.map((value) => Buffer.from(value));

interface Scene {
  disk: FailingDisk;
  server: HostileServer;
  /** Subscribed from 1; it has read nothing yet. */
  subscriber: RawClient;
  publisher: RawClient;
  /** Moves the store's clock, so that the free space is looked at again. */
  tick(ms: number): void;
}

/** A server on a disk that fails on demand; publish 1, of message `first`, is acknowledged. */
async function startScene(outcomeDeadlineMs = 30_000): Promise<Scene> {
  const disk = new FailingDisk();
  let nowMs = 1_000_000;
  const server = await startOnStore({
    openLevel: disk.openLevel,
    freeBytes: disk.freeBytes,
    clock: () => nowMs,
    outcomeDeadlineMs,
    backoffMs: () => 1,
  });
  const subscriber = await loginRaw(server);
  subscriber.send({ type: 'SUBSCRIBE', request: 1, from: 1 });
  const publisher = await loginRaw(server, { publisher: 'p' });
  publisher.publish(1, texts('first'));
  await publisher.take('ACKNOWLEDGED');
  const tick = (ms: number): void => {
    nowMs += ms;
  };
  return { disk, server, subscriber, publisher, tick };
}

/** The messages a subscriber has got when it has got `count` of them. */
async function received(subscriber: RawClient, count: number): Promise<string[]> {
  const messages: string[] = [];
  while (messages.length < count) {
    const { firstSeq, payloads } = await subscriber.take('MESSAGES');
    expect(firstSeq).toBe(messages.length + 1);
    messages.push(...payloads.map(String));
  }
  return messages;
}

describe('a write that fails during a publish', () => {
  it('and left nothing behind is refused as not written, and is written when it is sent again', async () => {
    const { disk, server, subscriber, publisher } = await startScene();
    const bystander = await loginRaw(server, { publisher: 'bystander' });
    disk.failWriteOf('second', 'not-written');
    publisher.publish(2, texts('second'));
    publisher.publish(3, texts('third'));
    const refused = await publisher.take('REFUSED');
    expect(refused).toMatchObject({ number: 2, remedy: 'retry' });
    expect(['ERR_NOT_WRITTEN', 'ERR_STORAGE_UNAVAILABLE']).toContain(refused.code);
    expect(await server.log.withCode(refused.code)).toMatchObject({ level: 40 });
    await server.log.saying('the log is open again');
    bystander.publish(1, texts('of another'));
    await bystander.take('ACKNOWLEDGED');
    publisher.publish(2, texts('second'));
    publisher.publish(3, texts('third'));
    let acknowledged = 1;
    while (acknowledged < 3) acknowledged = (await publisher.take('ACKNOWLEDGED')).number;
    expect(await received(subscriber, 4)).toEqual(['first', 'of another', 'second', 'third']);
    expect(disk.writesAfterFailure).toBe(0);
  });

  it('and is found on disk all the same is acknowledged and delivered, once', async () => {
    const { disk, server, subscriber, publisher } = await startScene();
    disk.failWriteOf('second', 'written-not-synced');
    publisher.publish(2, texts('second'));
    expect(await publisher.take('ACKNOWLEDGED')).toMatchObject({ number: 2, durability: 'disk', runs: [[2, 1, 2, 1]] });
    await server.log.saying('the log is open again');
    publisher.publish(2, texts('second'));
    expect((await publisher.take('ACKNOWLEDGED')).runs).toEqual([[2, 1, 2, 1]]);
    publisher.publish(3, texts('third'));
    await publisher.take('ACKNOWLEDGED');
    expect(await received(subscriber, 3)).toEqual(['first', 'second', 'third']);
    expect(disk.writesAfterFailure).toBe(0);
  });

  it('shows subscribers nothing while its outcome is open', async () => {
    const { disk, server, subscriber, publisher } = await startScene();
    expect(await received(subscriber, 1)).toEqual(['first']);
    disk.unreadable = true;
    disk.failWriteOf('second', 'written-not-synced');
    publisher.publish(2, texts('second'));
    await disk.failures.take(() => true, 'the failure');
    await server.log.saying('the log cannot be opened again yet');
    const other = await loginRaw(server);
    other.send({ type: 'SESSIONS', request: 1 });
    expect((await other.take('SESSION_LIST')).sessions[0]).toMatchObject({ lastSeq: 1 });
    expect(subscriber.inbox.items.filter(({ type }) => type === 'MESSAGES')).toEqual([]);
    disk.unreadable = false;
    expect((await publisher.take('ACKNOWLEDGED')).number).toBe(2);
    expect((await subscriber.take('MESSAGES')).payloads).toEqual(texts('second'));
  });

  it('whose outcome cannot be learnt in time is ERR_OUTCOME_UNKNOWN; a new login tells', async () => {
    const { disk, server, subscriber, publisher } = await startScene(50);
    disk.unreadable = true;
    disk.failWriteOf('second', 'written-not-synced');
    publisher.publish(2, texts('second'));
    expect(await publisher.take('REFUSED')).toMatchObject({
      number: 2,
      code: 'ERR_OUTCOME_UNKNOWN',
      remedy: 'reconnect',
    });
    expect(await server.log.withCode('ERR_OUTCOME_UNKNOWN')).toMatchObject({ level: 40 });
    publisher.publish(2, texts('second'));
    expect(await publisher.take('REFUSED')).toMatchObject({ number: 2, remedy: 'reconnect' });
    disk.unreadable = false;
    await server.log.saying('the log is open again');
    const again = await connectRaw(server);
    expect(await again.login({ publisher: 'p' })).toMatchObject({ published: 2 });
    again.publish(3, texts('third'));
    expect((await again.take('ACKNOWLEDGED')).number).toBe(3);
    expect(await received(subscriber, 3)).toEqual(['first', 'second', 'third']);
  });

  it('refuses what is published while the log is being reopened, with a remedy to try again', async () => {
    const { disk, server, subscriber, publisher } = await startScene();
    const other = await loginRaw(server, { publisher: 'other' });
    disk.unreadable = true;
    disk.failWriteOf('second', 'not-written');
    publisher.publish(2, texts('second'));
    await disk.failures.take(() => true, 'the failure');
    other.publish(1, texts('meanwhile'));
    expect(await other.take('REFUSED')).toMatchObject({ number: 1, code: 'ERR_STORAGE_UNAVAILABLE', remedy: 'retry' });
    expect(await server.log.withCode('ERR_STORAGE_UNAVAILABLE')).toMatchObject({ level: 40 });
    disk.unreadable = false;
    expect(await publisher.take('REFUSED')).toMatchObject({ number: 2, code: 'ERR_NOT_WRITTEN', remedy: 'retry' });
    other.publish(1, texts('meanwhile'));
    expect((await other.take('ACKNOWLEDGED')).number).toBe(1);
    publisher.publish(2, texts('second'));
    expect((await publisher.take('ACKNOWLEDGED')).number).toBe(2);
    expect(await received(subscriber, 3)).toEqual(['first', 'meanwhile', 'second']);
    expect(disk.writesAfterFailure).toBe(0);
  });
});

describe('a disk that is full', () => {
  it('refuses publishes with ERR_DISK_FULL, serves readers, and takes publishes when space is freed', async () => {
    const { disk, server, subscriber, publisher, tick } = await startScene();
    disk.free = 1_000_000;
    const refusal = await publishUntil(publisher, 'REFUSED', 2, tick);
    expect(refusal).toMatchObject({ code: 'ERR_DISK_FULL', remedy: 'retry' });
    expect(await server.log.withCode('ERR_DISK_FULL')).toMatchObject({ level: 40 });
    const late = await loginRaw(server);
    late.send({ type: 'SUBSCRIBE', request: 1, from: 1 });
    expect((await late.take('MESSAGES')).payloads[0]).toEqual(texts('first')[0]);
    disk.free = Number.MAX_SAFE_INTEGER;
    const acknowledged = await publishUntil(publisher, 'ACKNOWLEDGED', refusal.number, tick);
    const { number } = acknowledged;
    const expected = ['first', ...Array.from({ length: number - 1 }, (_, index) => `number ${index + 2}`)];
    expect(await received(subscriber, number)).toEqual(expected);
  });
});

/** Publish number after number, while time passes, until it is answered like this. */
async function publishUntil(
  publisher: RawClient,
  answer: 'ACKNOWLEDGED' | 'REFUSED',
  from: number,
  tick: (ms: number) => void,
): Promise<{ number: number }> {
  for (let number = from; ; ) {
    tick(2_000);
    publisher.publish(number, texts(`number ${number}`));
    const found = await publisher.inbox.take(() => true, 'an answer');
    if (found.type === answer) return found as { type: typeof answer; number: number };
    if (found.type === 'ACKNOWLEDGED') number += 1;
  }
}
