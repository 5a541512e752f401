import type { ArchiveAction, ClientMessage, ServerMessage } from '../protocol/index.js';
import { abortedError, type LatecomerError, reportedError } from './errors.js';

/** A request without its number. */
export type Question =
  | { type: 'SESSIONS'; source?: string; session?: string; discarded?: boolean }
  | { type: 'INSPECT' }
  | { type: 'MEMBERS'; group?: string }
  | { type: 'ARCHIVE'; action: ArchiveAction; source?: string; session: string }
  | { type: 'DISCARD'; source?: string; session: string; reason: string }
  | { type: 'ROLL'; source?: string; session: string; reason: string; discard?: boolean };
/** What a request is answered with. */
export type Reply = Extract<
  ServerMessage,
  { type: 'SESSION_LIST' | 'INSPECTION' | 'MEMBER_LIST' | 'SESSION_REPORT' | 'ROLLED' | 'DISCARDED' | 'REJECTED' }
>;

interface Pending {
  question: Question;
  resolve(reply: Reply): void;
  reject(error: LatecomerError): void;
}

/** What requests need around them. */
export interface RequestsSurroundings {
  nextRequest(): number;
  /** Nothing is sent while there is no connection. */
  send(message: ClientMessage): void;
}

/** Questions with one answer. One that a broken connection left unanswered is asked again on the next. */
export class Requests {
  readonly #surroundings: RequestsSurroundings;
  readonly #pending = new Map<number, Pending>();
  #failure: LatecomerError | undefined;

  constructor(surroundings: RequestsSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether an answer is still to come. */
  get owed(): boolean {
    return this.#pending.size > 0;
  }

  /** @throws LatecomerError what the server rejected it with */
  ask(question: Question, signal?: AbortSignal): Promise<Reply> {
    const answered = new Promise<Reply>((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      if (signal?.aborted) return reject(abortedError(signal, question.type));
      const request = this.#surroundings.nextRequest();
      const onAbort = (): void => {
        this.#pending.delete(request);
        reject(abortedError(signal!, question.type));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const release = (): void => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(request, {
        question,
        resolve: (reply) => {
          release();
          resolve(reply);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      });
      this.#surroundings.send({ ...question, request });
    });
    // A caller who does not look at the outcome must not end the process with an unhandled rejection.
    answered.catch(() => {});
    return answered;
  }

  connected(): void {
    for (const [request, { question }] of this.#pending) this.#surroundings.send({ ...question, request });
  }

  /** @returns whether the reply was to one of these requests */
  answer(reply: Reply): boolean {
    const pending = this.#pending.get(reply.request);
    if (pending === undefined) return false;
    this.#pending.delete(reply.request);
    if (reply.type === 'REJECTED') pending.reject(reportedError(reply));
    else pending.resolve(reply);
    return true;
  }

  fail(error: LatecomerError): void {
    this.#failure ??= error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
