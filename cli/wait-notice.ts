import type { Environment } from '../client/index.js';

/** How often it is looked whether anything has moved. */
const lookMs = 2_000;

const onTimer: Environment['schedule'] = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Tells once what is waited for, when nothing has moved for about 2 s, and once that it goes on. */
export class WaitNotice {
  readonly #tell: (text: string) => void;
  readonly #schedule: Environment['schedule'];
  #cause: string | undefined;
  #isAwaiting = false;
  #hasMoved = false;
  #isTold = false;
  #cancel: () => void = () => undefined;

  constructor(tell: (text: string) => void, schedule: Environment['schedule'] = onTimer) {
    this.#tell = tell;
    this.#schedule = schedule;
  }

  /** Why it takes long, for the notice; `undefined` when that is not known. */
  set cause(cause: string | undefined) {
    this.#cause = cause;
  }

  /** Something is awaited, if nothing was before. */
  begin(): void {
    if (this.#isAwaiting) return;
    this.#isAwaiting = true;
    this.#look();
  }

  /** Some of what is awaited has come. */
  moved(): void {
    this.#hasMoved = true;
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#tell('going on');
    this.#look();
  }

  /** Nothing is awaited any more. */
  end(): void {
    this.#cancel();
    this.#isAwaiting = false;
    this.#isTold = false;
  }

  #look(): void {
    this.#hasMoved = false;
    this.#cancel = this.#schedule(lookMs, () => {
      if (this.#hasMoved) {
        this.#look();
        return;
      }
      this.#isTold = true;
      this.#tell(`waiting for the server: ${this.#cause ?? 'it has acknowledged nothing for a while'}`);
    });
  }
}
