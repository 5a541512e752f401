import { ProtocolError, type Rolled } from '../protocol/index.js';
import type { Log, Store } from '../storage/index.js';
import { Actor, type Behaviour, Mailbox, type Ref } from './runtime/index.js';
import type { SessionProtocol } from './session.js';
import type { SessionCalendar } from './session-calendar.js';

/** A roll that is asked for. */
export interface RollRequest {
  source: string;
  /** The session to end; when it has ended already nothing is done. Absent: the active one. */
  session?: string | undefined;
  reason: string;
  /** What the session holds is not to be used. */
  discard?: boolean | undefined;
}

/** What a SessionRoller understands. */
export type SessionRollerProtocol = {
  /** The active session of a source, or a new one when none is. */
  open: [{ source: string }, Log];
  /** From now on the sessions of this source are rolled, through its Session; one that is overdue is before the answer. */
  serve: [{ source: string; session: Ref<SessionProtocol> }, void];
  /** End a session and start the one behind it. */
  roll: [RollRequest, Rolled];
  /** The message generating process has made the last message of its session. */
  endOfDay: [{ source: string; session: string; reason: string }, Rolled];
};

/** What a SessionRoller is made of. */
export interface SessionRollerParameters {
  store: Store;
  calendar: SessionCalendar;
  /** Run something once, after so many milliseconds. @returns cancels it */
  schedule: (ms: number, run: () => void) => () => void;
}

/** A roll waits for what is queued, and for a disk that is away. */
const rollMs = 10 * 60_000;
/** The longest sleep: the clock may be put, or the machine may have been suspended. */
const napMsMax = 30_000;
/** Pause after a roll that failed. */
const retryMs = 5_000;

/**
 * Creates sessions: at the start when none is active, on an end of day, by the clock, and on command. One roll is done
 * after the other, so that each of them has a name of its own.
 */
export default class SessionRollerActor
  extends Actor<SessionRollerParameters, SessionRollerProtocol>
  implements Behaviour<SessionRollerProtocol>
{
  readonly #sessions = new Map<string, Ref<SessionProtocol>>();
  readonly #rolls = new Mailbox('the rolls of the SessionRoller');
  /** Sources whose session is overdue, and could not be rolled. */
  readonly #failing = new Set<string>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  override onStart(): void {
    this.#sleep();
  }

  override onStop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async open({ source }: { source: string }): Promise<Log> {
    const { store } = this.parameters;
    const active = store.activeSession(source);
    const log = active ?? (await store.createSession(source, this.#nextName(source)));
    const { session, nextSeq } = log;
    this.logger.info({ source, session, nextSeq, resumed: active !== undefined }, 'session open');
    return log;
  }

  async serve({ source, session }: { source: string; session: Ref<SessionProtocol> }): Promise<void> {
    this.#sessions.set(source, session);
    await this.#rollOverdue(source);
  }

  roll(request: RollRequest): Promise<Rolled> {
    return this.#rolls.run(() => this.#roll(request));
  }

  endOfDay(request: { source: string; session: string; reason: string }): Promise<Rolled> {
    return this.roll(request);
  }

  async #roll({ source, session: name, reason, discard = false }: RollRequest): Promise<Rolled> {
    const session = this.#sessions.get(source);
    if (!session) throw new ProtocolError('ERR_UNKNOWN_SOURCE', `no source ${source} is served`);
    const ended = name === undefined ? undefined : this.#endedAlready(source, name);
    if (ended) return ended;
    const roll = { session: this.#nextName(source), reason, ...(discard && { discardReason: reason }) };
    this.logger.info({ source, ...roll }, 'session is rolled');
    return session.ask('roll', roll, { timeoutMs: rollMs });
  }

  /** What a roll of that session did, when it was rolled before: who has not heard of it asks again. */
  #endedAlready(source: string, name: string): Rolled | undefined {
    const { store, calendar } = this.parameters;
    const ended = store.findSession(source, calendar.resolve(name));
    if (!ended) throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${name}`);
    const opened = ended.next === undefined ? undefined : store.findSession(source, ended.next);
    return opened && { ended, opened };
  }

  #nextName(source: string): string {
    const { store, calendar } = this.parameters;
    return calendar.nextName(store.sessionNames(source));
  }

  /** A nap at the most: what is due is told by the clock, not by how long was slept. */
  #sleep(ms = this.parameters.calendar.untilRollMs()): void {
    if (ms === undefined || this.#stopped) return;
    this.#cancel = this.parameters.schedule(Math.min(ms, napMsMax), () => void this.#wake());
  }

  async #wake(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((source) => this.#rollOverdue(source)));
    if (this.#failing.size > 0) this.#sleep(retryMs);
    else this.#sleep();
  }

  /** One that cannot be rolled is tried again later; until then its session goes on. */
  async #rollOverdue(source: string): Promise<void> {
    const { store, calendar } = this.parameters;
    const active = store.activeSession(source);
    const reason = active && calendar.overdue(store.summary(active).createdMs);
    try {
      if (reason !== undefined) await this.roll({ source, session: active!.session, reason });
      this.#failing.delete(source);
    } catch (error) {
      const { message } = error as Error;
      if (!this.#failing.has(source)) this.logger.error({ source, error: message }, 'session could not be rolled');
      this.#failing.add(source);
    }
  }
}
