import type { Logger } from 'pino';
import type { Definition, Spawner, SpawnOptions } from './actor.js';
import type { Topics } from './behaviour.js';
import { ChildSpawner } from './child-spawner.js';
import { type ComedyActor, type ComedySystem, settled, startComedy } from './comedy.js';
import { settlesWithin } from './deadline.js';
import { adoptForks, type ForkProcess } from './fork-process.js';
import type { Ref } from './ref.js';
import { exitOnFatal, type Runtime } from './runtime.js';

/** Settings of a {@link System}. */
export interface SystemOptions {
  logger: Logger;
  /** Told of programmer errors in handlers and hooks of this process; default: log it and exit with code 70. */
  onFatal?: Runtime['onFatal'];
  /** How long a fork may take to stop before it is killed; an in-memory actor is given up after twice as long; default 3 s. */
  stopTimeoutMs?: number;
  /** How long a forked actor may take to start; default 10 s. */
  startTimeoutMs?: number;
}

/** The actors of this process and the processes it forks. */
export class System implements Spawner {
  readonly #runtime: Runtime;
  readonly #comedy: ComedySystem;
  readonly #spawner: ChildSpawner;
  readonly #forks: Set<ForkProcess>;
  readonly #killForks: () => void;
  #stopping: Promise<void> | undefined;

  private constructor(runtime: Runtime, comedy: ComedySystem, root: ComedyActor, forks: Set<ForkProcess>) {
    this.#runtime = runtime;
    this.#comedy = comedy;
    this.#spawner = new ChildSpawner(runtime, root);
    this.#forks = forks;
    this.#killForks = () => {
      for (const fork of forks) fork.killNow();
    };
    process.once('exit', this.#killForks);
  }

  /** Start an empty system. It puts no signal handlers in place: stopping in time is up to the program. */
  static async start({
    logger,
    onFatal = exitOnFatal(logger),
    stopTimeoutMs = 3_000,
    startTimeoutMs = 10_000,
  }: SystemOptions): Promise<System> {
    const comedy = startComedy(logger);
    adoptForks(comedy);
    const root = await settled(comedy.rootActor());
    const forks = new Set<ForkProcess>();
    return new System({ logger, onFatal, stopTimeoutMs, forking: { forks, startTimeoutMs } }, comedy, root, forks);
  }

  /** See {@link Spawner.spawn}. */
  spawn<Parameters, Protocol extends Topics>(
    definition: Definition<Parameters, Protocol>,
    options: SpawnOptions<NoInfer<Parameters>>,
  ): Promise<Ref<Protocol>> {
    return this.#spawner.spawn(definition, options);
  }

  /**
   * Stop all actors, children first. Resolves within about twice `stopTimeoutMs`, when no forked process is left: what has
   * not stopped by then is killed. Never rejects; may be called again.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { logger, stopTimeoutMs } = this.#runtime;
    if (!(await settlesWithin(settled(this.#comedy.destroy()), stopTimeoutMs * 2))) {
      logger.error({ forks: this.#forks.size }, 'the actors did not stop in time, given up');
    }
    await Promise.all([...this.#forks].map((fork) => fork.kill()));
    process.removeListener('exit', this.#killForks);
  }
}
