import { expect } from 'vitest';
import type { SessionSummary } from '../../protocol/index.js';
import { readCatalogue } from '../../storage/catalogue.js';
import { contents, deleteOrphans } from '../storage/archive/stage.js';
import type { Random } from '../support/random.js';
import { Actions, type Claiming } from './session-actions.js';
import { actionsMax, Life, type World } from './session-life.js';
import type { ModelArchive, ModelSession, ModelSource } from './session-model.js';
import { Walker } from './session-walker.js';

const dayMs = 24 * 60 * 60 * 1_000;
/** Where the clock goes, often nowhere: sessions begin in the same millisecond, or before the ones in front of them. */
const clockSteps = [0, 0, 0, 1, 1, 1_000, dayMs, -1, -1_000, -dayMs];
const faultChance = 0.15;

/** The lives of two stores that give each other archives, step by step; after each both are as their models are. */
export class SessionLives {
  /** What was done. */
  readonly story: string[] = [];
  readonly #world: World;
  readonly #lives: Life[];
  readonly #archives = new Map<string, ModelArchive>();
  #walkers: { life: Life; walker: Walker }[] = [];
  #names = 0;
  #messages = 0;

  constructor(random: Random, directory: string) {
    this.#world = { random, clock: { nowMs: 10 * dayMs }, directory };
    const sources = ['main', 'other', 'third'].slice(0, random.integer(1, 3));
    this.#lives = ['a', 'b'].map((name) => new Life(name, this.#world, sources, random.chance(0.3) ? 'os' : 'disk'));
  }

  async run(steps: number): Promise<void> {
    const { random } = this.#world;
    const removed = random.chance(0.2) ? random.integer(990, 1_000) : 0;
    for (const life of this.#lives) {
      await life.start(life.name === 'a' ? removed : 0);
      for (const source of life.sources) {
        for (let count = 0; count < 2; count += 1) this.#walkers.push({ life, walker: new Walker(life, source) });
      }
    }
    for (let step = 0; step < steps; step += 1) {
      const life = this.#lives[random.chance(0.75) ? 0 : 1]!;
      await this.#step(life);
      await this.#agree(life);
    }
    for (const { life, walker } of this.#walkers) {
      this.story.push(`walk through ${life.name}`);
      await walker.walk();
    }
    for (const life of this.#lives) {
      await this.#restart(life);
      await life.end();
    }
  }

  async #step(life: Life): Promise<void> {
    const { random, clock } = this.#world;
    const chosen = random.integer(1, 20);
    if (chosen === 1) return await this.#restart(life);
    if (chosen === 2) {
      this.story.push(`${life.name}: power failure`);
      await life.crash(random.integer(0, 3));
      return this.#restarted(life);
    }
    if (chosen <= 6) {
      const step = random.pick(clockSteps);
      clock.nowMs += step;
      this.story.push(`clock ${step}`);
    }
    const actions: Claiming[] = [];
    const claimed = new Set<string>();
    for (let count = random.pick([1, 1, 1, 2, 3, actionsMax]); count > 0; count -= 1) {
      const action = this.#action(life, random.pick(life.sources), count > 1 || actions.length > 0);
      if (!action || action.claims.some((claim) => claimed.has(claim))) continue;
      for (const claim of action.claims) claimed.add(claim);
      actions.push(action);
    }
    this.story.push(`${life.name}: ${actions.map(({ what }) => what).join(' | ')}`);
    const { store } = life;
    await life.perform(actions, faultChance);
    life.forgetAsStore();
    if (life.store !== store) {
      this.story.push(`${life.name}: crashed`);
      this.#restarted(life);
    }
  }

  #restarted(life: Life): void {
    life.forgetAsStore();
    for (const { walker } of this.#walkers.filter((one) => one.life === life)) walker.restart();
  }

  async #restart(life: Life): Promise<void> {
    this.story.push(`${life.name}: restart`);
    await life.restart();
    this.#restarted(life);
    const lines = await readCatalogue(life.disk.level!);
    const known = life.sources.flatMap(({ sessions }) => sessions.map(({ name }) => name));
    expect([...lines.values()].map(({ session }) => session).sort(), 'on disk').toEqual(known.sort());
    for (const source of life.sources) {
      for (const session of source.kept) await this.#contentsAgree(life, source, session);
    }
  }

  #action(life: Life, source: ModelSource, amongOthers: boolean): Claiming | undefined {
    const { random } = this.#world;
    const actions = new Actions(life, this.#archives);
    const restorable = actions.restorable(source);
    const restore = () =>
      restorable.length > 0 ? actions.restore(source, random.pick(restorable), amongOthers) : undefined;
    if (!source.active) return random.chance(0.3) ? restore() : actions.begin(source, this.#name(life));
    const ended = source.kept.filter((session) => session !== source.active);
    const one = ended.length > 0 ? random.pick(ended) : undefined;
    const removed = source.removed[source.removed.length - random.integer(1, 5)];
    const reason = `reason ${this.story.length}`;
    const choices: [number, () => Claiming | undefined][] = [
      [6, () => actions.publish(source, this.#texts())],
      [5, () => actions.roll(source, this.#name(life), reason, random.chance(0.2) ? 'nonsense' : undefined)],
      [1, () => actions.rollToTakenName(source, random.pick(source.sessions).name)],
      [2, () => one && actions.discard(source, one, reason)],
      [2, () => removed && actions.discard(source, removed, reason)],
      [2, () => one && actions.check(source, one)],
      [4, () => one && actions.archive(source, one)],
      [ended.length, () => one && actions.remove(source, one)],
      [4, restore],
      [2, () => actions.unseen('coalesce', (store) => store.coalesceOnce())],
      [1, () => actions.unseen('save receipts', (store) => store.saveReceipts())],
      [1, () => actions.unseen('delete orphans', deleteOrphans)],
    ];
    let chosen = random.fraction() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      chosen -= weight;
      if (chosen < 0) return choice();
    }
    return undefined;
  }

  /** Not in the order of time. */
  #name(life: Life): string {
    this.#names += 1;
    return `${this.#world.random.integer(10, 99)}${life.name}${this.#names}`;
  }

  #texts(): string[] {
    const { random } = this.#world;
    const length = random.chance(0.03) ? 100_000 : random.pick([10, 10, 500]);
    return Array.from({ length: random.integer(1, 5) }, () => {
      this.#messages += 1;
      return `${this.#messages}`.padEnd(length, '.');
    });
  }

  async #agree(life: Life): Promise<void> {
    const { random } = this.#world;
    const { store, sources } = life;
    const all = store.sessions();
    for (const source of sources) {
      const { name, kept, active } = source;
      const expected = kept.map((session) => lineOf(source, session));
      expect(store.sessions(name).map(told)).toEqual(expected);
      expect(all.filter((one) => one.source === name).map(told), 'in the catalogue of all').toEqual(expected);
      for (const session of source.sessions.slice(-30)) {
        expect(told(store.findSession(name, session.name))).toEqual(lineOf(source, session));
      }
      for (const forgotten of source.forgotten) expect(store.findSession(name, forgotten)).toBeUndefined();
      expect(store.activeSession(name)?.session).toBe(active?.name);
      expect(store.findSession(name, '')?.session).toBe((active ?? kept[kept.length - 1])?.name);
      expect(kept.filter(({ ended }) => ended === undefined)).toHaveLength(active ? 1 : 0);
      expect(store.sessionNames(name).sort()).toEqual(source.sessions.map((session) => session.name).sort());
      if (kept.length > 0) await this.#contentsAgree(life, source, random.pick(kept));
    }
    expect(life.disk.writesAfterFailure).toBe(0);
    for (const { walker } of this.#walkers.filter((one) => one.life === life)) {
      for (let count = random.integer(0, 3); count > 0; count -= 1) await walker.step();
    }
  }

  async #contentsAgree({ store }: Life, { name }: ModelSource, session: ModelSession): Promise<void> {
    const { log } = store.findSession(name, session.name)!;
    expect(await contents(store, store.log(log)!), `messages of ${session.name}`).toEqual(session.messages);
  }
}

/** What is to be said of a session. */
function lineOf(source: ModelSource, session: ModelSession): object {
  const { name, messages, ended, discarded, removed, createdMs } = session;
  return {
    session: name,
    state: ended === undefined ? 'active' : 'ended',
    firstSeq: removed ? messages.length + 1 : 1,
    lastSeq: messages.length,
    createdMs,
    reason: ended,
    discardReason: discarded,
    removed,
    next: source.behind(session),
  };
}

function told(summary: SessionSummary | undefined): object | undefined {
  if (!summary) return undefined;
  const { session, state, firstSeq, lastSeq, createdMs, reason, discardReason, removedMs, next } = summary;
  const removed = removedMs !== undefined;
  return { session, state, firstSeq, lastSeq, createdMs, reason, discardReason, removed, next };
}
