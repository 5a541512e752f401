import { blockBatches } from './block-batches.js';
import { Actor, type Behaviour, type Ref } from './runtime/index.js';
import type { GeneratorConfig } from './server-config.js';
import type { SessionProtocol } from './session.js';
import type { SessionRollerProtocol } from './session-roller.js';

/** Hears what a Generator makes; a session is one. */
export type MessageListener = Pick<Ref<SessionProtocol>, 'ask'>;

/** What a Generator understands. */
export type GeneratorProtocol = {
  /** The session its messages are for; sent before its first message. */
  sessionOpened: [{ session: string; listener: MessageListener }, void];
  /** The session is about to end: nothing more is made for it; answered when what was made is settled. */
  sessionClosed: [{ session: string }, void];
  /** Make messages now, whatever the schedule; resolves when every listener has them on disk. */
  generate: [{ count: number }, void];
  /** Follow the schedule of the configuration. */
  begin: [Record<string, never>, void];
  inspect: [Record<string, never>, { made: number; listeners: number }];
};

/** What a Generator is made of. */
export interface GeneratorParameters extends GeneratorConfig {
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Hears of the end of the day. */
  roller: Pick<Ref<SessionRollerProtocol>, 'ask'>;
}

/** How often the schedule is looked at; all that is due by then is published together. */
const beatMs = 50;
/** A publish of the generator is given up after this long; the next beat makes up for it. */
const publishMs = 60_000;
/** An end of day waits for a disk that is away. */
const endOfDayMs = 10 * 60_000;
/** Messages and bytes of one beat: enough for the highest rate that can be configured, and a bounded burst. */
const beatMessagesMax = 50_000;
const beatBytesMax = 8 * 1024 * 1024;

/** The built-in message generating process: makes messages on demand and on a schedule, for all its listeners. */
export default class GeneratorActor
  extends Actor<GeneratorParameters, GeneratorProtocol>
  implements Behaviour<GeneratorProtocol>
{
  readonly #listeners = new Map<string, MessageListener>();
  /** Publishes that are under way. */
  readonly #publishing = new Set<Promise<unknown>>();
  /** Sessions of which it has made the last message. */
  #finished: string[] | undefined;
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #startedMs = 0;
  #scheduled = 0;
  #busy = false;
  #failing = false;

  override onStop(): void {
    clearInterval(this.#timer);
  }

  sessionOpened({ session, listener }: { session: string; listener: MessageListener }): void {
    this.#listeners.set(session, listener);
  }

  async sessionClosed({ session }: { session: string }): Promise<void> {
    this.#listeners.delete(session);
    await Promise.allSettled(this.#publishing);
  }

  begin(): void {
    if (this.parameters.rate <= 0 || this.#timer) return;
    this.#startedMs = performance.now();
    this.#timer = setInterval(() => void this.#beat(), beatMs);
  }

  async generate({ count }: { count: number }): Promise<void> {
    for (const [session, listener] of this.#listeners) {
      const payloads = Array.from({ length: count }, (_, index) => this.#message(session, this.#made + index + 1));
      const published = blockBatches(payloads).map((batch) =>
        listener.ask('publish', { session, payloads: batch }, { timeoutMs: publishMs }),
      );
      await this.#settled(Promise.all(published));
    }
    this.#made += count;
  }

  async #settled(published: Promise<unknown>): Promise<void> {
    this.#publishing.add(published);
    try {
      await published;
    } finally {
      this.#publishing.delete(published);
    }
  }

  inspect(): { made: number; listeners: number } {
    return { made: this.#made, listeners: this.#listeners.size };
  }

  /** Make what the schedule owes. While a publish is under way nothing is added: a slow disk slows the generator. */
  async #beat(): Promise<void> {
    const { rate, count: last, payloadBytes } = this.parameters;
    const batchMax = Math.max(1, Math.min(beatMessagesMax, Math.floor(beatBytesMax / payloadBytes)));
    const elapsedMs = performance.now() - this.#startedMs;
    const owed = Math.floor((elapsedMs * rate) / 1_000) - this.#scheduled;
    const left = last > 0 ? last - this.#made : batchMax;
    const count = Math.min(owed, left, batchMax);
    // Between two sessions nothing is made.
    if ((count <= 0 && !this.#done) || this.#busy || this.#listeners.size === 0) return;
    this.#busy = true;
    this.#scheduled += owed;
    try {
      if (count > 0) await this.generate({ count });
      if (this.#done) await this.#finish();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.logger.warn({ error: (error as Error).message }, 'generator cannot publish, it keeps trying');
      this.#failing = true;
    } finally {
      this.#busy = false;
    }
  }

  /** Whether all of the day's messages are made. */
  get #done(): boolean {
    const { count } = this.parameters;
    return count > 0 && this.#made >= count;
  }

  /** Says that the day is over, and makes nothing more; it goes on saying so when that fails. */
  async #finish(): Promise<void> {
    const { roller, source } = this.parameters;
    this.#finished ??= [...this.#listeners.keys()];
    for (const session of this.#finished) {
      const reason = 'end of day: the generator has made all its messages';
      await roller.ask('endOfDay', { source, session, reason }, { timeoutMs: endOfDayMs });
    }
    clearInterval(this.#timer);
  }

  #message(session: string, number: number): Uint8Array {
    const text = `${session} message ${number} ${new Date(this.parameters.clock()).toISOString()}`;
    return Buffer.from(text.padEnd(this.parameters.payloadBytes, '.'));
  }
}
