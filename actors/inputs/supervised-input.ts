import type { Logger } from 'pino';
import { type Ref, Supervisor } from '../runtime/index.js';
import type { InputInspection, InputProtocol } from './input.js';
import type { InputConfig } from './input-config.js';
import { isInputError } from './input-error.js';

/** What a {@link SupervisedInput} needs. */
export interface SupervisedInputOptions {
  config: InputConfig;
  /** Make the actor that reads it; it tells `ended` of its end, once. */
  spawn(ended: (error: Error | undefined) => void): Promise<Ref<InputProtocol>>;
  logger: Logger;
  limits?: typeof restartLimits;
}

/** State of an input, for `inspect`. */
export interface InputLine {
  name: string;
  kind: string;
  source: string;
  state: InputInspection['state'] | 'starting' | 'restarting' | 'ended' | 'failed';
  messages: number;
  restarts: number;
  position: string;
  problem: string;
}

/** An input is started anew after 100 ms, 200 ms, … 10 s, at most 8 times in 2 minutes. */
const restartLimits = { delayFirstMs: 100, delayMsMax: 10_000, restartsMax: 8, withinMs: 120_000 };
const inspectMs = 2_000;

/**
 * Keeps one input running. When it fails too often, or in a way that no restart helps, that is reported, and the server
 * and its other inputs go on without it.
 */
export class SupervisedInput {
  readonly #options: SupervisedInputOptions;
  readonly #supervisor: Supervisor<Ref<InputProtocol>>;
  #over: 'ended' | 'failed' | undefined;
  #restarts = 0;
  #last: InputInspection | undefined;
  #problem = '';

  constructor(options: SupervisedInputOptions) {
    this.#options = options;
    const { name } = options.config;
    this.#supervisor = new Supervisor({
      name: `Input ${name}`,
      start: (generation) => this.#start(generation),
      dispose: (input) => input.stop(),
      onRestart: ({ delayMs, error }) => {
        this.#restarts += 1;
        this.#problem = error.message;
        options.logger.warn({ input: name, delayMs, error: error.message }, 'input failed, starting it anew');
      },
      onGiveUp: (error) => this.#giveUp(error),
      ...(options.limits ?? restartLimits),
    });
  }

  start(): Promise<void> {
    return this.#supervisor.start();
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  async inspect(): Promise<InputLine> {
    const { name, kind, source } = this.#options.config;
    const { child, state } = this.#supervisor;
    const seen = await child?.ask('inspect', {}, { timeoutMs: inspectMs }).catch(() => undefined);
    this.#last = seen ?? this.#last;
    const { messages = 0, position = '', problem = '' } = this.#last ?? {};
    const now = seen?.state ?? (state === 'waiting' ? 'restarting' : 'starting');
    return {
      name,
      kind,
      source,
      state: this.#over ?? now,
      messages,
      restarts: this.#restarts,
      position,
      problem: seen ? problem : this.#problem,
    };
  }

  async #start(generation: number): Promise<Ref<InputProtocol>> {
    const input = await this.#options.spawn((error) => void this.#ended(generation, error));
    input.tell('begin', {});
    return input;
  }

  /** What it had to say last is kept. */
  async #ended(generation: number, error: Error | undefined): Promise<void> {
    const { child } = this.#supervisor;
    this.#last = (await child?.ask('inspect', {}, { timeoutMs: inspectMs }).catch(() => undefined)) ?? this.#last;
    if (error && !isInputError(error)) return this.#supervisor.failed(generation, error);
    if (error) return this.#giveUp(error);
    this.#over = 'ended';
    this.#problem = '';
    this.#options.logger.info({ input: this.#options.config.name }, 'input has come to its end');
    await this.#supervisor.stop();
  }

  #giveUp(error: Error): void {
    const { name, kind, source } = this.#options.config;
    this.#over = 'failed';
    this.#problem = error.message;
    this.#options.logger.error(
      { input: name, kind, source, err: error },
      'input has failed: the server goes on without it',
    );
    void this.#supervisor.stop();
  }
}
