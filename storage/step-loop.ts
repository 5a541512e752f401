import type { Logger } from 'pino';
import { StorageError } from './errors.js';

/** What a {@link StepLoop} does, and how often. */
export interface StepLoopOptions {
  /** A small, bounded piece of the work; resolves with whether there is more of it at once. */
  step: () => Promise<boolean>;
  /** Pause between two steps while there is more. */
  stepMs: number;
  /** Pause after a step behind which there is no more, or that failed. */
  idleMs: number;
  logger: Logger;
  /** What is logged when a step fails. */
  failure: string;
}

/** Work in the background, a step at a time. A storage failure ends a step; anything else is a bug and is not caught. */
export class StepLoop {
  readonly #options: StepLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #stepping: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: StepLoopOptions) {
    this.#options = options;
  }

  /** Whether there will be no other step. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Work from now on; the first step is after `firstMs`. */
  start(firstMs: number): void {
    this.#again(firstMs);
  }

  /** Resolves when the step under way is done; there will be no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#stepping;
  }

  #again(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#stepping = this.#run();
    }, ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    const { step, stepMs, idleMs, logger, failure } = this.#options;
    let pauseMs = idleMs;
    try {
      if (await step()) pauseMs = stepMs;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (this.#stopped) return;
      logger.warn({ err: error }, failure);
    }
    this.#again(pauseMs);
  }
}
