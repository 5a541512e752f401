import * as fs from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import type { StorageError, Store } from '../../storage/index.js';
import { openStore, removedBefore } from '../storage/archive/stage.js';
import { type Fault, FaultDisk } from '../storage/fault-level.js';
import type { Random } from '../support/random.js';
import { ModelSource } from './session-model.js';

/** Something that is done with a store. */
export interface Action {
  readonly what: string;
  run(store: Store): Promise<unknown>;
  /** It is done: so is it in the model. */
  done(result?: unknown): void;
  /** Whether a store in which it may have been done says that it was. */
  isDone(store: Store): boolean;
  /** Whether a store that could not tell at first tells as soon as it is open again, and not at the next start only. */
  readonly showsAtOnce: boolean;
  /** What was published before is synced when it is done. */
  readonly isSynced?: boolean;
  readonly isRestore?: boolean;
  /** Codes of errors with which it may end besides those of a disk that fails. */
  readonly refusals?: readonly string[];
}

/** What is the same for all lives of a simulation. */
export interface World {
  readonly random: Random;
  readonly clock: { nowMs: number };
  /** Of archives, and whatever else files are needed for. */
  readonly directory: string;
}

const outcomeDeadlineMs = 12_345;
/** Turns of the event loop for which a database stays closed when nobody can tell what was written. */
const reopenTurns = 5;
const faults: Fault[] = ['no-space', 'fsync-lost', 'fsync-kept', 'crash-before', 'crash-after'];
const notDone = ['ERR_NOT_WRITTEN', 'ERR_STORAGE_UNAVAILABLE'];
/** Actions at the same time, at most. */
export const actionsMax = 4;
/** Removed sessions of a source that a store remembers. */
const removedMax = 1_000;

/** A store through its restarts, the disk below it, and beside it what is to be in it. */
export class Life {
  readonly name: string;
  readonly world: World;
  readonly sources: readonly ModelSource[];
  readonly disk = new FaultDisk();
  store!: Store;
  readonly #durability: 'os' | 'disk';
  /** What was done, and what came of it. */
  #told: { action: Action; result: unknown }[] = [];
  /** What may have been done and will show at the next start. */
  #doubtful: Action[] = [];
  /** How many removals nobody could tell of: each may have forgotten a session that was to be forgotten later. */
  #doubtfulRemovals = 0;
  #files: fs.FileHandle[] = [];
  #isDead = { now: false };
  #isDoubtful = false;

  constructor(name: string, world: World, sources: readonly string[], durability: 'os' | 'disk') {
    this.name = name;
    this.world = world;
    this.sources = sources.map((source) => new ModelSource(source));
    this.#durability = durability;
  }

  /** @param removed so many sessions of its first source have been removed already */
  async start(removed = 0): Promise<void> {
    const [source] = this.sources;
    const names = Array.from({ length: removed }, (_, index) => `${this.name}old${index}`);
    for (const name of names) {
      source!.begin(name, 1);
      source!.active!.ended = 'enough';
      source!.remove(source!.named(name)!);
    }
    await removedBefore(this.disk, names);
    await this.#open();
    if (removed === 0) return;
    await this.store.createSession(source!.name, `${this.name}first`);
    source!.begin(`${this.name}first`, this.world.clock.nowMs);
  }

  /** To be given to what works with files: a process that has ended does nothing with them. */
  get work() {
    const dead = this.#isDead;
    const alive = async () => {
      if (dead.now) await new Promise(() => {});
    };
    const files = this.#files;
    const open = async (...args: Parameters<typeof fs.open>) => {
      await alive();
      const file = await fs.open(...args);
      if (dead.now) await file.close();
      await alive();
      files.push(file);
      return Object.assign(file, { sync: async () => {} });
    };
    const rename = (...args: Parameters<typeof fs.rename>) => alive().then(() => fs.rename(...args));
    return { files: { ...fs, open, rename }, pause: () => alive().then(() => setImmediate()) };
  }

  /** Do all of it at the same time, on a disk that may fail meanwhile; then the model is as the store has to be. */
  async perform(actions: readonly Action[], faultChance: number): Promise<void> {
    const { random } = this.world;
    this.#prepareFault(faultChance);
    const before = this.sources.flatMap(({ active }) =>
      active ? [{ session: active, length: active.messages.length }] : [],
    );
    const settled = actions.map(() => ({
      state: 'pending' as 'pending' | 'done' | 'failed',
      result: undefined as unknown,
    }));
    const running = actions.map(async (action, index) => {
      try {
        settled[index] = { state: 'done', result: await action.run(this.store) };
      } catch (error) {
        settled[index] = { state: 'failed', result: error };
      }
    });
    const crashed = await Promise.race([Promise.all(running).then(() => false), this.disk.crashed.then(() => true)]);
    this.disk.failAt(-1, 'no-space');
    const outcomes = [...settled];
    for (const [index, action] of actions.entries()) {
      const { state, result } = outcomes[index]!;
      if (state === 'done') this.#told.push({ action, result });
      else if (state === 'pending' || (result as StorageError).code === 'ERR_OUTCOME_UNKNOWN') {
        this.#doubtful.push(action);
        if (action.what.startsWith('remove')) this.#doubtfulRemovals += 1;
      } else if (![...notDone, ...(action.refusals ?? [])].includes((result as StorageError).code)) throw result;
    }
    const isSynced = this.#told.some(({ action }) => action.isSynced);
    if (isSynced) for (const { session, length } of before) session.safe = Math.max(session.safe, length);
    this.disk.failingOpens = 0;
    if (crashed) return await this.crash(random.integer(0, 2));
    await this.store.ready();
    this.#decide(({ showsAtOnce }) => showsAtOnce);
  }

  /** The process ends, and with it what was not synced but for some batches. */
  async crash(kept: number): Promise<void> {
    this.#isDead.now = true;
    this.disk.losePower(kept);
    await this.#letGo();
    await this.#open();
    for (const { active } of this.sources) {
      const log = active && this.store.findSession(this.#sourceOf(active), active.name);
      if (!log) continue;
      expect(log.lastSeq, 'what was synced is there').toBeGreaterThanOrEqual(
        this.#durability === 'os' ? active.safe : active.messages.length,
      );
      active.messages.length = Math.min(active.messages.length, log.lastSeq);
    }
  }

  /** A clean end, and another start. */
  async restart(): Promise<void> {
    await this.store.close();
    this.disk.losePower(0);
    await this.#letGo();
    await this.#open();
    this.#allSafe();
  }

  async end(): Promise<void> {
    await this.store.close();
    await this.#letGo();
  }

  /**
   * What is removed beyond those that are remembered is forgotten, the one removed longest ago first. Some are before it
   * is their turn: for a removal nobody could tell of, or with others that were restored at the same time.
   */
  forgetAsStore(): void {
    const early = this.#doubtfulRemovals + actionsMax;
    for (const source of this.sources) {
      while (source.removed.length > removedMax - early) {
        const [oldest] = source.removed;
        if (this.store.findSession(source.name, oldest!.name)) break;
        source.forget();
      }
      expect(source.removed.length).toBeLessThanOrEqual(removedMax + this.#doubtfulRemovals);
    }
  }

  #sourceOf(session: object): string {
    return this.sources.find(({ sessions }) => sessions.some((one) => one === session))!.name;
  }

  #allSafe(): void {
    for (const { active } of this.sources) if (active) active.safe = active.messages.length;
  }

  #prepareFault(chance: number): void {
    const { random } = this.world;
    this.#isDoubtful = false;
    if (!random.chance(chance)) return;
    this.disk.failAt(this.disk.commits + random.integer(0, 3), random.pick(faults));
    this.#isDoubtful = random.chance(0.5);
    if (this.#isDoubtful) this.disk.failingOpens = 1;
  }

  /** In doubt, the time to find out what has become of a write is over before the first pause in opening again. */
  readonly #wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (ms !== outcomeDeadlineMs) {
      for (let turn = 0; this.#isDoubtful && turn < reopenTurns; turn += 1) await setImmediate();
    } else if (!this.#isDoubtful) {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
  };

  async #open(): Promise<void> {
    this.disk.failingOpens = 0;
    this.#isDoubtful = false;
    this.#isDead = { now: false };
    this.store = await openStore(this.world.directory, this.disk, {
      clock: () => this.world.clock.nowMs,
      durability: this.#durability,
      ringBytesMax: 2_048,
      outcomeDeadlineMs,
      wait: this.#wait,
    });
    this.#decide(() => true);
  }

  /** What is known to be done by now is done in the model. */
  #decide(nowKnown: (action: Action) => boolean): void {
    const done = this.#told.splice(0);
    for (const action of this.#doubtful.splice(0)) {
      if (!nowKnown(action)) this.#doubtful.push(action);
      else if (action.isDone(this.store)) done.push({ action, result: undefined });
    }
    // Where a restored session stands is told by those around it, and some of them may have begun meanwhile.
    done.sort((one, other) => Number(one.action.isRestore ?? false) - Number(other.action.isRestore ?? false));
    for (const { action, result } of done) action.done(result);
  }

  async #letGo(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close().catch(() => {});
  }
}
