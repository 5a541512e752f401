import { ActorError, asError } from './errors.js';

/** Starts a timer and returns how to cancel it. */
export type StartTimer = (run: () => void, delayMs: number) => () => void;

/** How often a child may fail, and how long it is left alone before each restart. */
export interface RestartLimits {
  /** Wait before the first restart; doubled with every further one inside `withinMs`. */
  delayFirstMs: number;
  /** Longest wait before a restart. */
  delayMsMax: number;
  /** Restarts allowed within `withinMs`; one more failure and the supervisor gives up. */
  restartsMax: number;
  withinMs: number;
}

/** What a {@link Supervisor} supervises, and how. */
export interface SupervisorOptions<Child> extends RestartLimits {
  /** Name of the child, for the error of giving up. */
  name: string;
  /**
   * Make the child of a generation; a rejection counts as its failure. Whoever notices a later failure of this child says
   * so with `failed(generation, error)`.
   */
  start(generation: number): Promise<Child>;
  /** Get rid of a child that failed or is not wanted any more. Must not reject (`Ref.stop` never does). */
  dispose(child: Child): void | Promise<void>;
  /** It failed too often; `error.cause` is the last failure. No restart follows. */
  onGiveUp(error: ActorError): void;
  /** Called before each restart, for the log. */
  onRestart?(restart: { generation: number; delayMs: number; error: Error }): void;
  /** Milliseconds on a clock that never goes back. */
  clock?: () => number;
  timer?: StartTimer;
}

type State = 'idle' | 'starting' | 'running' | 'waiting' | 'stopped';

/**
 * Keeps one child running: starts it anew when it fails, with exponential back-off and a limit on restarts, as in OTP.
 * Each child has a generation; what is said about an older one is ignored.
 */
export class Supervisor<Child> {
  readonly #options: SupervisorOptions<Child>;
  readonly #clock: () => number;
  readonly #timer: StartTimer;
  #state: State = 'idle';
  #generation = 0;
  #child: Child | undefined;
  #cancelTimer: () => void = () => {};
  /** When the restarts inside the window were, oldest first. */
  #restarts: number[] = [];

  constructor(options: SupervisorOptions<Child>) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicMs;
    this.#timer = options.timer ?? startTimer;
  }

  /** The child, while it runs. */
  get child(): Child | undefined {
    return this.#child;
  }

  /** The number of the current child; 0 before the first one. */
  get generation(): number {
    return this.#generation;
  }

  get state(): State {
    return this.#state;
  }

  /** Start the first child; resolves when that attempt is over, well or not (a failure is followed by a restart). */
  start(): Promise<void> {
    if (this.#state !== 'idle') throw new Error(`supervisor of ${this.#options.name} was started already`);
    return this.#startChild();
  }

  /** The child of a generation has failed: dispose of it and start another one. Ignored for any other generation. */
  failed(generation: number, error: unknown): void {
    if (generation !== this.#generation || (this.#state !== 'running' && this.#state !== 'starting')) return;
    const child = this.#child;
    this.#child = undefined;
    // Not awaited: the end of the old child must not hold up the new one.
    if (child !== undefined) void this.#options.dispose(child);
    this.#restart(asError(error));
  }

  /** Start no further child, and dispose of the one there is; resolves when that is done. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelTimer();
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await this.#options.dispose(child);
  }

  async #startChild(): Promise<void> {
    const generation = ++this.#generation;
    this.#state = 'starting';
    let child: Child;
    try {
      child = await this.#options.start(generation);
    } catch (error) {
      this.failed(generation, error);
      return;
    }
    // It may have been reported as failed, or the supervisor stopped, while it was starting.
    if (generation !== this.#generation || this.#state !== 'starting') {
      await this.#options.dispose(child);
      return;
    }
    this.#child = child;
    this.#state = 'running';
  }

  #restart(error: Error): void {
    const { name, restartsMax, withinMs, delayFirstMs, delayMsMax, onGiveUp, onRestart } = this.#options;
    const now = this.#clock();
    this.#restarts = this.#restarts.filter((at) => at > now - withinMs);
    if (this.#restarts.length >= restartsMax) {
      this.#state = 'stopped';
      const message = `${name} failed more than ${restartsMax} times within ${withinMs} ms: ${error.message}`;
      onGiveUp(new ActorError('ERR_RESTARTS_EXCEEDED', name, message, { cause: error }));
      return;
    }
    const delayMs = Math.min(delayMsMax, delayFirstMs * 2 ** this.#restarts.length);
    this.#restarts.push(now);
    this.#state = 'waiting';
    onRestart?.({ generation: this.#generation + 1, delayMs, error });
    this.#cancelTimer = this.#timer(() => void this.#startChild(), delayMs);
  }
}

function monotonicMs(): number {
  return performance.now();
}

function startTimer(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
