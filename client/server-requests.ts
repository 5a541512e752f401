import type { ArchiveAction, MemberSummary, Rolled, SessionReport, SessionSummary } from '../protocol/index.js';
import type { CatalogueOptions, DiscardOptions, RequestOptions, RollOptions, SessionOptions } from './client-types.js';
import { LatecomerError } from './errors.js';
import type { Question, Reply, Requests } from './requests.js';
import { rollSession } from './roll-session.js';

/** What {@link ServerRequests} need around them. */
export interface ServerRequestsSurroundings {
  requests: Pick<Requests, 'ask'>;
  /** An answer is waited for. */
  owe(): void;
}

/** What a client asks of the server as a whole: the catalogue, what becomes of sessions, the server's state. */
export class ServerRequests {
  readonly #surroundings: ServerRequestsSurroundings;

  constructor(surroundings: ServerRequestsSurroundings) {
    this.#surroundings = surroundings;
  }

  /** As {@link Client.sessions}. */
  async sessions({ signal, ...of }: CatalogueOptions): Promise<SessionSummary[]> {
    return (await this.#ask('SESSION_LIST', { type: 'SESSIONS', ...of }, signal)).sessions;
  }

  /** As {@link Client.session}. */
  async session({ signal, ...of }: SessionOptions): Promise<SessionSummary> {
    const { sessions } = await this.#ask('SESSION_LIST', { type: 'SESSIONS', ...of }, signal);
    const [found] = sessions;
    // A server that does not know how to find one lists all.
    if (found && sessions.length === 1) return found;
    const message = `expected session ${of.session} alone, found ${sessions.length} sessions`;
    throw new LatecomerError('ERR_BAD_MESSAGE', message);
  }

  /** As {@link Client.roll}. */
  roll(options: RollOptions): Promise<Rolled> {
    return rollSession(
      options,
      (question, signal) => this.#ask('ROLLED', question, signal),
      (active) => this.session(active),
    );
  }

  /** As {@link Client.discard}. */
  async discard({ session, reason, source, signal }: DiscardOptions): Promise<SessionSummary> {
    const question = { type: 'DISCARD', session, reason, ...(source !== undefined && { source }) } as const;
    return (await this.#ask('DISCARDED', question, signal)).session;
  }

  /** As {@link Client.inspect}. */
  async inspect({ signal }: RequestOptions): Promise<Record<string, unknown>> {
    return (await this.#ask('INSPECTION', { type: 'INSPECT' }, signal)).state;
  }

  /** As {@link Client.members}. */
  async members({ group, signal }: { group?: string } & RequestOptions): Promise<MemberSummary[]> {
    return (await this.#ask('MEMBER_LIST', { type: 'MEMBERS', ...(group !== undefined && { group }) }, signal)).members;
  }

  /** As {@link Client.archive}, {@link Client.restore}, {@link Client.verify}. */
  async report(action: ArchiveAction, { session, source, signal }: SessionOptions): Promise<SessionReport> {
    const question = { type: 'ARCHIVE', action, session, ...(source !== undefined && { source }) } as const;
    const { type: _type, request: _request, ...report } = await this.#ask('SESSION_REPORT', question, signal);
    return report;
  }

  async #ask<Type extends Reply['type']>(
    expected: Type,
    question: Question,
    signal: AbortSignal | undefined,
  ): Promise<Extract<Reply, { type: Type }>> {
    const asked = this.#surroundings.requests.ask(question, signal);
    this.#surroundings.owe();
    const reply = await asked;
    if (reply.type === expected) return reply as Extract<Reply, { type: Type }>;
    throw new LatecomerError('ERR_BAD_MESSAGE', `expected ${expected}, found ${reply.type}`);
  }
}
