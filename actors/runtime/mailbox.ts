import { ActorError } from './errors.js';

/**
 * Runs jobs one after the other, in the order given. comedy lets the next message in while a handler awaits; an actor
 * whose handlers must not interleave runs them through a mailbox of its own.
 */
export class Mailbox {
  readonly limit: number;
  readonly #name: string;
  #tail: Promise<unknown> = Promise.resolve();
  #depth = 0;

  /**
   * @param name whose mailbox it is, for the error
   * @param limit most jobs that may wait or run at the same time
   */
  constructor(name: string, limit = 10_000) {
    this.#name = name;
    this.limit = limit;
  }

  /** Jobs that wait or run now. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Run a job when all earlier ones have settled. A job that fails does not stop the ones behind it.
   * @returns what the job returns
   * @throws ActorError `ERR_MAILBOX_FULL` when `limit` jobs are there already; the job is not run
   */
  run<Result>(job: () => Result | Promise<Result>): Promise<Result> {
    if (this.#depth >= this.limit) {
      const message = `mailbox of ${this.#name} is full: ${this.#depth} jobs waiting, limit ${this.limit}`;
      return Promise.reject(new ActorError('ERR_MAILBOX_FULL', this.#name, message));
    }
    this.#depth++;
    const result = this.#tail.then(job).finally(() => {
      this.#depth--;
    });
    this.#tail = result.then(nothing, nothing);
    return result;
  }
}

function nothing(): void {}
