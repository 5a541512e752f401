import { quiet } from '../quiet.js';

/** Has asynchronous work done one after the other, in the order it was asked for, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return quiet(done);
  }
}
