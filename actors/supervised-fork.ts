import type { Logger } from 'pino';
import { type Ref, Supervisor } from './runtime/index.js';

/** What every actor with a process of its own understands. */
export type PingProtocol = { ping: [Record<string, never>, void] };

/** A forked process is restarted after 100 ms, 200 ms, … 5 s, at most 10 times in a minute: these waits fit in it. */
const restarts = { delayFirstMs: 100, delayMsMax: 5_000, restartsMax: 10, withinMs: 60_000 };
/** How often a fork is asked whether it is alive, and how long it may take to say so. */
const pingEveryMs = 1_000;
const pingMs = 5_000;

/** What is kept running, and whom to tell when that is hopeless. */
export interface SupervisedForkOptions<Protocol extends PingProtocol> {
  name: string;
  spawn(): Promise<Ref<Protocol>>;
  onGiveUp(error: Error): void;
  logger: Logger;
}

/**
 * One actor in a process of its own, kept running: when its process ends, or hangs (a stopped process answers no ping),
 * it is killed and started anew.
 */
export class SupervisedFork<Protocol extends PingProtocol> {
  readonly #supervisor: Supervisor<Ref<Protocol>>;
  readonly #options: SupervisedForkOptions<Protocol>;
  #pinger: NodeJS.Timeout | undefined;

  constructor(options: SupervisedForkOptions<Protocol>) {
    const { name, logger } = options;
    this.#options = options;
    this.#supervisor = new Supervisor<Ref<Protocol>>({
      name,
      start: (generation) => this.#start(generation),
      dispose: (ref) => ref.stop(),
      onRestart: ({ delayMs, error }) =>
        logger.warn({ fork: name, delayMs, error: error.message }, 'fork ended, starting it anew'),
      onGiveUp: options.onGiveUp,
      ...restarts,
    });
  }

  /** The actor, while its process runs. */
  get ref(): Ref<Protocol> | undefined {
    return this.#supervisor.child;
  }

  /** Resolves when the first attempt to start it is over. */
  async start(): Promise<void> {
    this.#pinger = setInterval(() => void this.#ping(), pingEveryMs);
    await this.#supervisor.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.#pinger);
    await this.#supervisor.stop();
  }

  async #start(generation: number): Promise<Ref<Protocol>> {
    const { name, logger, spawn } = this.#options;
    const ref = await spawn();
    logger.info({ fork: name, pid: ref.pid }, 'fork started');
    void ref.exited.then(({ code, signal, expected }) => {
      if (expected) return;
      this.#supervisor.failed(generation, new Error(`process ${ref.pid} ended with ${signal ?? code}`));
    });
    return ref;
  }

  async #ping(): Promise<void> {
    const { generation, child } = this.#supervisor;
    try {
      await (child as Ref<PingProtocol> | undefined)?.ask('ping', {}, { timeoutMs: pingMs });
    } catch (error) {
      this.#supervisor.failed(generation, error);
    }
  }
}
