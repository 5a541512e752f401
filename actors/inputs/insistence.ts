import { setTimeout as wait } from 'node:timers/promises';
import { asError } from '../runtime/index.js';
import { InputError } from './input-error.js';

/** Waits while nothing can be published. */
const retry = { firstMs: 20, maxMs: 1_000 };

/** Codes of refusals that pass. */
const passing = new Set([
  'ERR_BUSY',
  'ERR_DISK_FULL',
  'ERR_NOT_WRITTEN',
  'ERR_SESSION_ENDED',
  'ERR_STORAGE_UNAVAILABLE',
  'ERR_NO_SESSION',
  'ERR_TOO_MANY_SESSIONS',
]);

/** Codes that leave it open whether something was written. */
const doubtful = new Set(['ERR_OUTCOME_UNKNOWN', 'ERR_ASK_TIMEOUT']);

/** Whether nobody can tell if what failed like this was written. */
export function isDoubtful(error: unknown): boolean {
  return doubtful.has(codeOf(error));
}

/** Tries what an input does until it can be done. */
export class Insistence {
  readonly #signal: AbortSignal;
  #problem = '';

  /** @param signal aborted when the input is to stop */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Why it is waiting; blank while it is not. */
  get problem(): string {
    return this.#problem;
  }

  /**
   * Try until it can be done, unless trying again is no help, or the input is to stop.
   * @param onWait told of the first failure that is waited out
   * @param isPassing which failures are
   * @throws the failure that is not; the signal's reason
   */
  async insist<Result>(
    step: () => Promise<Result>,
    onWait: (error: Error) => void,
    isPassing: (error: unknown) => boolean = (error) => passing.has(codeOf(error)),
  ): Promise<Result> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const result = await step();
        this.#problem = '';
        return result;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (this.#problem === '') onWait(asError(error));
        this.#problem = asError(error).message;
      }
      await wait(Math.min(retry.maxMs, retry.firstMs * 2 ** attempt), undefined, { signal: this.#signal });
    }
  }
}

/** Of what passes, and of what leaves an outcome open: for an input that asks for its position before it tries again. */
export function passesInTime(error: unknown): boolean {
  return passing.has(codeOf(error)) || isDoubtful(error);
}

function codeOf(error: unknown): string {
  return error instanceof InputError ? '' : String((error as { code?: unknown }).code ?? '');
}
