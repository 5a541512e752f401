import { describe, expect, it } from 'vitest';
import InputActor, { type FedSource } from '../../../actors/inputs/input.js';
import type { Feed } from '../../../actors/inputs/input-feeds.js';
import type { ContinuedSession, InputBatch, SessionInputSource } from '../../../actors/inputs/input-source.js';
import type { Ref } from '../../../actors/runtime/index.js';
import type { SessionProtocol } from '../../../actors/session.js';
import { SessionNameError } from '../../../actors/session-name.js';
import { limits } from '../../../protocol/index.js';
import { type InputPosition, StorageError } from '../../../storage/index.js';
import { turn, until } from '../../support/deadline.js';
import { startSystem } from '../actor-system.js';
import { deferred } from '../support.js';

/** A source that keeps what it is fed, or fails to. */
class TestSource implements FedSource {
  readonly fed: Feed[] = [];
  readonly ends: [session: string, reason: string][] = [];
  readonly opened: string[] = [];
  /** What becomes of the next feeds: an error, or a moment to wait for. */
  readonly outcomes: (StorageError | Promise<void>)[] = [];
  stored: InputPosition | undefined;
  /** Whether a batch whose outcome is an error was written all the same. */
  writesAnyway = false;
  active: string | undefined = 'S1';

  async position(): Promise<InputPosition | undefined> {
    return this.stored;
  }

  session(): Ref<SessionProtocol> | undefined {
    if (this.active === undefined) return undefined;
    const ask = (_topic: string, feed: Feed) => this.#take(feed);
    return { ask } as unknown as Ref<SessionProtocol>;
  }

  async openSession(session: string): Promise<void> {
    this.active = session;
    this.opened.push(session);
  }

  /** How often a day cannot be ended yet. */
  fullDays = 0;
  async endOfDay(session: string, reason: string): Promise<void> {
    this.fullDays -= 1;
    if (this.fullDays >= 0) throw new SessionNameError('there are 99 sessions of 20300109 already');
    this.ends.push([session, reason]);
  }

  readonly discards: string[] = [];
  async discard({ session }: ContinuedSession, reason: string): Promise<void> {
    this.discards.push(`${session}: ${reason}`);
  }

  get texts(): string[] {
    return this.fed.flatMap(({ payloads }) => payloads.map((payload) => Buffer.from(payload).toString()));
  }

  async #take(feed: Feed) {
    const outcome = this.outcomes.shift();
    if (!(outcome instanceof StorageError) || this.writesAnyway) this.#write(feed);
    if (outcome instanceof StorageError) throw outcome;
    await outcome;
    return { session: this.active, firstSeq: 1, count: feed.payloads.length };
  }

  #write(feed: Feed): void {
    this.fed.push(feed);
    const { batch: batches, position } = feed;
    this.stored = { batches, position, session: this.active! };
  }
}

type Read = SessionInputSource<number, unknown>['read'];

async function start(read: Read, source = new TestSource()) {
  const system = await startSystem();
  const ends: (Error | undefined)[] = [];
  const input = { read } as unknown as SessionInputSource;
  const parameters = {
    name: 'test',
    source: 'main',
    options: { some: 'option' },
    fed: source,
    open: async () => input,
    ended: (error: Error | undefined) => ends.push(error),
  };
  const ref = await system.spawn({ actor: InputActor }, { name: 'test', parameters });
  ref.tell('begin', {});
  const ended = async () => {
    await until(() => ends.length > 0, 'the end of the input');
    return ends[0];
  };
  return { source, ref, ended };
}

/** Batches of one message each, numbered on behind the position. */
function* numbered(position = 0, count = 3): Generator<InputBatch<number>> {
  for (let number = position + 1; number <= count; number += 1) yield { payloads: [`${number}`], position: number };
}

describe('an input', () => {
  it('feeds batch after batch, each with its position and its number, and ends when there is no more', async () => {
    const { source, ended } = await start((position) => numbered(position));
    expect(await ended()).toBeUndefined();
    expect(source.texts).toEqual(['1', '2', '3']);
    expect(source.fed.map(({ batch, position }) => [batch, position])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  it('goes on at the position on record', async () => {
    const source = new TestSource();
    source.stored = { batches: 7, position: 2, session: 'S1' };
    const { ended } = await start((position) => numbered(position), source);
    await ended();
    expect(source.fed.map(({ batch, position }) => [batch, position])).toEqual([[8, 3]]);
  });

  it('asks for a batch only when the one before is durable', async () => {
    const durable = deferred<void>();
    const source = new TestSource();
    source.outcomes.push(durable.promise);
    let asked = 0;
    const { ended } = await start(function* (position) {
      for (const batch of numbered(position)) {
        asked += 1;
        yield batch;
      }
    }, source);
    await until(() => source.fed.length === 1, 'the first batch');
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(asked).toBe(1);
    durable.resolve();
    await ended();
    expect(asked).toBe(3);
  });

  it('says what it is given: its options, its name and its source', async () => {
    let given: unknown;
    const { ended } = await start((_position, { options, name, source }) => {
      given = { options, name, source };
      return [];
    });
    await ended();
    expect(given).toEqual({ options: { some: 'option' }, name: 'test', source: 'main' });
  });

  it('feeds a batch again until it is taken, and tells what it waits for meanwhile', async () => {
    const durable = deferred<void>();
    const source = new TestSource();
    source.outcomes.push(new StorageError('ERR_DISK_FULL', 'no room'), new StorageError('ERR_NOT_WRITTEN', 'torn'));
    source.outcomes.push(durable.promise);
    const { ref, ended } = await start((position) => numbered(position), source);
    await until(() => source.fed.length === 1, 'the first batch');
    const inspection = await ref.ask('inspect', {}, { timeoutMs: 5_000 });
    expect(inspection).toMatchObject({ state: 'waiting', problem: 'torn' });
    durable.resolve();
    await ended();
    expect(source.texts).toEqual(['1', '2', '3']);
    expect(await ref.ask('inspect', {}, { timeoutMs: 5_000 })).toMatchObject({ state: 'reading', messages: 3 });
  });

  it('looks whether a batch of which nobody can tell was written, and feeds it again only if it was not', async () => {
    for (const writesAnyway of [true, false]) {
      const source = new TestSource();
      source.writesAnyway = writesAnyway;
      source.outcomes.push(new StorageError('ERR_OUTCOME_UNKNOWN', 'the disk is away'));
      const { ended } = await start((position) => numbered(position), source);
      expect(await ended()).toBeUndefined();
      expect(source.texts).toEqual(['1', '2', '3']);
    }
  });

  it('waits for a session, and opens the one a batch belongs to', async () => {
    const source = new TestSource();
    source.active = undefined;
    const { ended } = await start(function* () {
      yield { payloads: ['a'], position: 1, session: 'U1', firstSeq: 5 };
    }, source);
    await ended();
    expect([source.opened, source.fed[0]!.firstSeq]).toEqual([['U1'], 5]);
  });

  it('ends the day of the session its batch went into, and does so at its start if that was left undone', async () => {
    const source = new TestSource();
    source.stored = { batches: 1, position: 0, session: 'S0', endOfDay: 'yesterday' };
    const { ended } = await start(function* () {
      yield { payloads: ['a'], position: 1, endOfDay: 'today' };
    }, source);
    await ended();
    expect(source.ends).toEqual([
      ['S0', 'yesterday'],
      ['S1', 'today'],
    ]);
    expect(source.fed[0]!.endOfDay).toBe('today');
  });

  it('waits for the next day when its day has had all its sessions, also at its start', async () => {
    const source = new TestSource();
    source.stored = { batches: 1, position: 0, session: 'S0', endOfDay: 'yesterday' };
    source.fullDays = 1;
    const { ended } = await start(function* () {
      source.fullDays = 1;
      yield { payloads: ['a'], position: 1, endOfDay: 'today' };
      yield { payloads: ['b'], position: 2 };
    }, source);
    expect(await ended()).toBeUndefined();
    expect(source.ends.map(([session]) => session)).toEqual(['S0', 'S1']);
    expect(source.texts).toEqual(['a', 'b']);
  });

  it('stops although its source waits for ever', async () => {
    const { ref, source } = await start(async function* (position) {
      yield* numbered(position, 1);
      await new Promise(() => {});
    });
    await until(() => source.fed.length === 1, 'the first batch');
    await ref.stop();
  });

  it('fails with what its source throws', async () => {
    const { ended } = await start(() => {
      throw new Error('the cable is out');
    });
    expect((await ended())?.message).toBe('the cable is out');
  });

  const bad: [what: string, batch: unknown, message: RegExp][] = [
    ['no batch', 'text', /^expected \{ payloads: \[…\], position \}, found text$/],
    ['a payload that is a number', { payloads: [1], position: 0 }, /^expected payloads that are Uint8Array or text/],
    ['no position', { payloads: ['a'] }, /^expected a position that JSON can hold/],
    ['a huge position', { payloads: [], position: 'x'.repeat(70_000) }, /^expected a position of at most 65536 bytes/],
    ['too many messages', { payloads: new Array(8_193).fill(''), position: 0 }, /^expected at most 8192 payloads/],
    ['too many bytes', { payloads: ['x'.repeat(200_000), 'x'.repeat(200_000)], position: 0 }, /bytes together, or one/],
    [
      'a huge message',
      { payloads: ['x'.repeat(limits.payloadBytesMax + 1)], position: 0 },
      /^expected a payload of at/,
    ],
    ['an odd end of day', { payloads: [], position: 0, endOfDay: 1 }, /^expected endOfDay to be a text, found 1$/],
    ['an end of day without a reason', { payloads: [], position: 0, endOfDay: ' ' }, /1 to 512 bytes, found 1 bytes$/],
    [
      'an end of day that is a novel',
      { payloads: [], position: 0, endOfDay: 'x'.repeat(513) },
      /1 to 512 bytes, found 513 bytes$/,
    ],
    [
      'a session that is a number',
      { payloads: [], position: 0, session: 7 },
      /^expected session to be a name of 1 to 64/,
    ],
    [
      'a session without a name',
      { payloads: [], position: 0, session: '' },
      /^expected session to be a name of 1 to 64/,
    ],
    [
      'an epoch that is a novel',
      { payloads: [], position: 0, epoch: 'x'.repeat(65) },
      /^expected epoch to be a name of 1/,
    ],
    [
      'an odd number',
      { payloads: [], position: 0, firstSeq: 0.5 },
      /^expected firstSeq to be a number from 1 on, found 0.5$/,
    ],
    [
      'a number past all',
      { payloads: [], position: 0, firstSeq: 2 ** 53 },
      /^expected firstSeq to be a number from 1 on/,
    ],
  ];
  it.each(bad)('fails at %s', async (_what, batch, message) => {
    const { ended } = await start(() => [batch] as InputBatch<number>[]);
    expect(await ended()).toMatchObject({ code: 'ERR_INPUT_BATCH', message: expect.stringMatching(message) });
  });

  const badDiscards: [what: string, session: object, reason: unknown, message: RegExp][] = [
    [
      'a session without an epoch',
      { session: 'S1' },
      'nonsense',
      /^expected epoch to be a name of 1 to 64 bytes, found/,
    ],
    ['no session', { epoch: 'e1' }, 'nonsense', /^expected session to be a name of 1 to 64 bytes, found undefined$/],
    ['no reason', { session: 'S1', epoch: 'e1' }, undefined, /^expected reason to be a text, found undefined$/],
    ['a novel', { session: 'S1', epoch: 'e1' }, 'x'.repeat(513), /of 1 to 512 bytes, found 513 bytes$/],
  ];
  it.each(badDiscards)('is refused to discard for %s', async (_what, session, reason, message) => {
    const { ended, source } = await start(async function* (_position, { discard }) {
      await (discard as (session: object, reason: unknown) => Promise<void>)(session, reason);
      yield* numbered();
    });
    expect(await ended()).toMatchObject({ code: 'ERR_INPUT_BATCH', message: expect.stringMatching(message) });
    expect(source.discards).toEqual([]);
  });
});
