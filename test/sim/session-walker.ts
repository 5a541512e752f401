import { expect } from 'vitest';
import { blockPayloads, decodePayloads, splitBlocks } from '../../protocol/index.js';
import type { Page } from '../../storage/index.js';
import { cutStretch } from '../../storage/stretch.js';
import type { Life } from './session-life.js';
import type { ModelSession, ModelSource } from './session-model.js';

/** Follows a source from any message of any of its sessions to the active one, a page at a time. */
export class Walker {
  readonly #life: Life;
  readonly #source: ModelSource;
  /** It goes on with the log it has found, whatever becomes of its session, as who is in the midst of it does. */
  #at: { session: ModelSession; log: number; next: number } | undefined;

  constructor(life: Life, source: ModelSource) {
    this.#life = life;
    this.#source = source;
  }

  /** Whether it has come to where nothing is yet. */
  get isLive(): boolean {
    if (!this.#at) return this.#source.sessions.length === 0;
    const { session, next } = this.#at;
    return next > session.messages.length && this.#source.behind(session) === undefined;
  }

  /** The next page, or the next session. */
  async step(): Promise<void> {
    const { random } = this.#life.world;
    const { store } = this.#life;
    const known = this.#at && this.#source.named(this.#at.session.name);
    if (!this.#at || !known) return this.#start();
    const found = store.findSession(this.#source.name, known.name)!;
    if (random.chance(0.5)) this.#at.log = found.log;
    this.#at.session = known;
    const { log, next } = this.#at;
    const { length } = known.messages;
    if (next <= length) {
      this.#take(await store.read(log, next, length), known.removed || log !== found.log);
    } else if (known.ended !== undefined) {
      const behind = this.#source.behind(known);
      expect(found.next, `what is behind ${known.name}`).toBe(behind);
      if (behind !== undefined) this.#goTo(behind, 1);
    }
  }

  /** As {@link step}, until nothing is left. */
  async walk(): Promise<void> {
    do await this.step();
    while (!this.isLive);
  }

  /** After a start of the store a message may be gone that was not synced, and a number be given out again. */
  restart(): void {
    if (this.#at && this.#at.session.ended === undefined) this.#at = undefined;
  }

  #start(): void {
    const { random } = this.#life.world;
    const recent = this.#source.sessions.slice(-20);
    if (recent.length === 0) return;
    const session = random.pick(recent);
    this.#goTo(session.name, random.integer(1, session.messages.length + 1));
  }

  #goTo(name: string, next: number): void {
    const found = this.#life.store.findSession(this.#source.name, name);
    expect(found, `${name}, which is to be followed on to`).toBeDefined();
    this.#at = { session: this.#source.named(name)!, log: found!.log, next };
  }

  #take(page: Page, mayBeLost: boolean): void {
    const at = this.#at!;
    const { messages, name } = at.session;
    const found = messagesFrom(page, at.next);
    expect(found).toEqual(messages.slice(at.next - 1, at.next - 1 + found.length));
    at.next += found.length;
    if (page.lost) {
      expect(mayBeLost, `${name} is not removed`).toBe(true);
      expect(page.lost).toEqual({ from: at.next, to: messages.length, reason: 'retention' });
      at.next = messages.length + 1;
    }
    expect(page.next, `the page of ${name} gets further`).toBe(at.next);
  }
}

function messagesFrom({ stretches }: Page, from: number): string[] {
  return stretches
    .flatMap((stretch) => cutStretch(stretch, Math.max(from, stretch.firstSeq), stretch.lastSeq))
    .flatMap((bytes) => splitBlocks(bytes).blocks)
    .flatMap((block) => [...decodePayloads(blockPayloads(block).bytes)].map(String));
}
