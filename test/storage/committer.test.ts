import { MemoryLevel } from 'memory-level';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.js';
import { Database } from '../../storage/database.js';
import { type CommitSource, Committer, type LevelHandle, type Sealed, StorageError } from '../../storage/index.js';
import { SpaceGuard } from '../../storage/space-guard.js';

const logger = pino({ level: 'silent' });

/** A database whose batches are held back until they are let go, or fail. */
class HeldLevel {
  readonly batches: { keys: string[]; sync: boolean; succeed: () => void; fail: (error: Error) => void }[] = [];
  opens = 0;
  openable = true;
  #arrived: (() => void)[] = [];
  readonly #stored = new Map<string, Buffer>();

  readonly openLevel = async (): Promise<LevelHandle> => {
    this.opens += 1;
    for (const arrived of this.#arrived.splice(0)) arrived();
    if (!this.openable) throw new Error('no disk');
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    for (const [key, value] of this.#stored) await level.put(Buffer.from(key), value);
    const batch = (operations: { key: Buffer; value: Buffer }[], { sync }: { sync: boolean }): Promise<void> =>
      new Promise((resolve, reject) => {
        const store = (): void => {
          for (const { key, value } of operations) this.#stored.set(String(key), value);
          resolve();
        };
        this.batches.push({ keys: operations.map(({ key }) => String(key)), sync, succeed: store, fail: reject });
        for (const arrived of this.#arrived.splice(0)) arrived();
      });
    return Object.assign(level, { batch });
  };

  /** Resolves when batch number `count` has been handed to the database. */
  async arrived(count: number): Promise<void> {
    while (this.batches.length < count) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  /** Resolves when the database has been opened, or tried to be, `count` times. */
  async opened(count: number): Promise<void> {
    while (this.opens < count) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  store(key: string): void {
    this.#stored.set(key, Buffer.from('1'));
  }
}

/** Seals what it is given, one thing at a time, and writes down what became of it. */
class Source implements CommitSource {
  readonly events: string[] = [];
  readonly rooms: number[] = [];
  /** What was written, in order, whether or not anybody was told. */
  readonly taken: string[] = [];
  readonly #queue: { name: string; bytes: number; durability: 'disk' | 'os' }[] = [];
  #heard: (() => void)[] = [];

  add(name: string, bytes = 10, durability: 'disk' | 'os' = 'os'): this {
    this.#queue.push({ name, bytes, durability });
    return this;
  }

  async heard(count: number): Promise<void> {
    while (this.events.length < count) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  seal(bytesMax: number): Sealed | undefined {
    const next = this.#queue.shift();
    if (!next) return undefined;
    this.rooms.push(bytesMax);
    const key = Buffer.from(next.name);
    return {
      operations: [{ type: 'put', key, value: Buffer.from('1') }],
      bytes: next.bytes,
      durability: next.durability,
      proof: key,
      written: () => this.taken.push(next.name),
      tell: (durability) => this.#tell(`${next.name} written ${durability}`),
      refused: (error) => this.#tell(`${next.name} ${error.code}`),
    };
  }

  #tell(event: string): void {
    this.events.push(event);
    for (const heard of this.#heard.splice(0)) heard();
  }
}

interface UnderTest {
  committer: Committer;
  database: Database;
  level: HeldLevel;
  /** The disk is full from now on. */
  fill: () => void;
  /** The deadline for an outcome passes. */
  deadline: () => void;
  /** The disk is tried again. */
  retry: () => void;
}

async function start(durability: 'disk' | 'os' = 'os', freeBytes = 2 ** 40): Promise<UnderTest> {
  const level = new HeldLevel();
  const timers = new Map<number, () => void>();
  const wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      timers.set(ms, resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const database = await Database.open({
    directory: '/nowhere',
    openLevel: level.openLevel,
    backoffMs: () => 1,
    wait,
    logger,
  });
  const reserveBytes = 1000;
  const guard = await SpaceGuard.start({
    directory: '/nowhere',
    reserveBytes,
    freeBytes: async () => freeBytes,
    clock: () => 0,
    logger,
  });
  const committer = new Committer({ database, durability, guard, outcomeDeadlineMs: 30, wait });
  database.recover = (opened) => committer.recover(opened);
  const fill = (): void => guard.wrote(freeBytes);
  return { committer, database, level, fill, deadline: () => timers.get(30)!(), retry: () => timers.get(1)!() };
}

describe('a committer', () => {
  it('has one batch in flight and gathers the next one from all sources meanwhile', async () => {
    const { committer, level } = await start();
    const [one, two] = [new Source().add('a1').add('a2'), new Source()];
    committer.wake(one);
    await level.arrived(1);
    committer.wake(two.add('b1').add('b2'));
    expect(level.batches.map(({ keys }) => keys)).toEqual([['a1']]);
    level.batches[0]!.succeed();
    await level.arrived(2);
    level.batches[1]!.succeed();
    await level.arrived(3);
    level.batches[2]!.succeed();
    await two.heard(2);
    expect(level.batches.map(({ keys }) => keys)).toEqual([['a1'], ['a2', 'b1'], ['b2']]);
    expect(one.events).toEqual(['a1 written os', 'a2 written os']);
  });

  it('tells of what is written when the next batch is on its way, and at once when there is none', async () => {
    const { committer, level } = await start();
    const source = new Source().add('a1').add('a2').add('a3');
    const onItsWay: number[] = [];
    committer.wake(source);
    for (const written of [1, 2, 3]) {
      await level.arrived(written);
      level.batches[written - 1]!.succeed();
      await source.heard(written);
      onItsWay.push(level.batches.length);
    }
    expect([source.taken, onItsWay]).toEqual([
      ['a1', 'a2', 'a3'],
      [2, 3, 3],
    ]);
  });

  it('tells of what is written before it refuses what comes next', async () => {
    const { committer, level, fill } = await start();
    const source = new Source().add('a1').add('a2');
    committer.wake(source);
    await level.arrived(1);
    fill();
    level.batches[0]!.succeed();
    await source.heard(2);
    expect(source.events).toEqual(['a1 written os', 'a2 ERR_DISK_FULL']);
  });

  it('ends a batch at about 2 MiB and starts the next one with those who had to wait', async () => {
    const { committer, level } = await start();
    const sources = [0, 1, 2, 3, 4].map((index) => new Source().add(`${index}a`, 650_000).add(`${index}b`, 650_000));
    for (const source of sources) committer.wake(source);
    for (let batch = 1; batch <= 4; batch += 1) {
      await level.arrived(batch);
      level.batches[batch - 1]!.succeed();
    }
    await Promise.all(sources.map((source) => source.heard(2)));
    expect(level.batches.map(({ keys }) => keys)).toEqual([
      ['0a', '1a', '2a'],
      ['3a', '4a', '0b'],
      ['1b', '2b', '3b'],
      ['4b'],
    ]);
  });

  it('shares a batch among those who may have something, a whole block for each at least', async () => {
    const { committer, level } = await start();
    const rooms = async (count: number) => {
      const sources = Array.from({ length: count }, (_, index) => new Source().add(`${count}-${index}`, 1_000));
      for (const source of sources) committer.wake(source);
      await level.arrived(level.batches.length + 1);
      level.batches[level.batches.length - 1]!.succeed();
      await Promise.all(sources.map((source) => source.heard(1)));
      return sources.map((source) => source.rooms[0]);
    };
    const batch = 2 * 1024 * 1024;
    expect(await rooms(1)).toEqual([batch]);
    expect(await rooms(2)).toEqual([batch / 2, batch - 1_000]);
    expect(await rooms(8)).toEqual(
      [8, 7, 6, 5, 4, 3, 2, 1].map((left, before) => Math.max((batch - before * 1_000) / left, limits.blockBytesMax)),
    );
  });

  it('syncs a whole batch when one of its items asks for it, and tells the level reached', async () => {
    const { committer, level } = await start();
    const [one, two] = [new Source().add('a1'), new Source().add('b1', 10, 'disk')];
    committer.wake(one);
    committer.wake(two);
    await level.arrived(1);
    expect(level.batches[0]!.sync).toBe(true);
    level.batches[0]!.succeed();
    await one.heard(1);
    expect(one.events).toEqual(['a1 written disk']);
  });

  it('syncs every batch of messages of a store at disk, and other writes where they ask for it', async () => {
    const { committer, level } = await start('disk');
    const source = new Source().add('a1');
    committer.wake(source);
    await level.arrived(1);
    level.batches[0]!.succeed();
    await source.heard(1);
    const write = committer.write([{ type: 'put', key: Buffer.from('k'), value: Buffer.from('1') }], 'os');
    await level.arrived(2);
    level.batches[1]!.succeed();
    await write;
    expect(level.batches.map(({ sync }) => sync)).toEqual([true, false]);
  });

  it.each([
    ['is found', true, 'a1 written disk'],
    ['is not found', false, 'a1 ERR_NOT_WRITTEN'],
  ])('tells the truth about a failed write that %s when the database is open again', async (_, found, event) => {
    const { committer, database, level } = await start();
    const source = new Source().add('a1').add('a2');
    committer.wake(source);
    await level.arrived(1);
    if (found) level.store('a1');
    level.batches[0]!.fail(new Error('fdatasync: input/output error'));
    await level.arrived(2);
    expect(source.events).toEqual([event]);
    expect(level.batches[1]!.keys).toEqual(['a2']);
    expect([level.opens, database.unavailable()]).toEqual([2, undefined]);
  });

  it('says after the deadline that the outcome is not known, and goes on opening', async () => {
    const { committer, database, level, deadline, retry } = await start();
    level.openable = false;
    const source = new Source().add('a1').add('a2');
    const other = committer.write([{ type: 'put', key: Buffer.from('k'), value: Buffer.from('1') }], 'os');
    committer.wake(source);
    await level.arrived(1);
    level.batches[0]!.fail(new Error('No space left on device'));
    await level.opened(2);
    expect(source.events).toEqual([]);
    expect(database.unavailable()).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    deadline();
    await source.heard(1);
    await expect(other).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    expect(source.events).toEqual(['a1 ERR_OUTCOME_UNKNOWN']);
    level.openable = true;
    retry();
    await level.arrived(2);
    expect(level.batches[1]!.keys).toEqual(['a2']);
  });

  it('refuses messages without trying while the disk is too full, and still writes what the server itself needs', async () => {
    const { committer, level } = await start('os', 999);
    const source = new Source().add('a1');
    committer.wake(source);
    await source.heard(1);
    expect(source.events).toEqual(['a1 ERR_DISK_FULL']);
    const write = committer.write([{ type: 'put', key: Buffer.from('k'), value: Buffer.from('1') }], 'os');
    await level.arrived(1);
    level.batches[0]!.succeed();
    await write;
    expect(level.batches.map(({ keys }) => keys)).toEqual([['k']]);
  });

  it('waits for the batch in flight when it is closed, and writes nothing after it', async () => {
    const { committer, level } = await start();
    const source = new Source().add('a1').add('a2');
    committer.wake(source);
    await level.arrived(1);
    const late = committer.write([{ type: 'put', key: Buffer.from('k'), value: Buffer.from('1') }], 'os');
    const closed = committer.close();
    level.batches[0]!.succeed();
    await closed;
    await expect(late).rejects.toBeInstanceOf(StorageError);
    await expect(late).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' });
    expect(source.events).toEqual(['a1 written os']);
    expect(level.batches.length).toBe(1);
  });

  it('does not wait for the disk to come back when it is closed', async () => {
    const { committer, database, level } = await start();
    level.openable = false;
    const source = new Source().add('a1');
    committer.wake(source);
    await level.arrived(1);
    level.batches[0]!.fail(new Error('No space left on device'));
    await level.opened(2);
    const ready = expect(database.ready()).rejects.toMatchObject({ code: 'ERR_STORAGE_CLOSED' });
    const closed = committer.close();
    await source.heard(1);
    await closed;
    expect(source.events).toEqual(['a1 ERR_OUTCOME_UNKNOWN']);
    await database.close();
    await ready;
  });
});
