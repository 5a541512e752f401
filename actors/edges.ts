import type { Logger } from 'pino';
import EdgeActor, { type EdgeLimits, type EdgeProtocol } from './edge.js';
import type { DataSocket } from './link/data-socket.js';
import type { Origin } from './origin.js';
import type { Rewinds } from './rewinds.js';
import type { Placement, Ref, Spawner } from './runtime/index.js';
import { SupervisedFork } from './supervised-fork.js';

/** What {@link Edges} are made of. */
export interface EdgesOptions {
  placement: Placement;
  limits: EdgeLimits;
  origin: Origin;
  rewinds: Rewinds;
  /** Where forked ones find the process that has the log. */
  openDataSocket(): Promise<DataSocket>;
  spawner: Spawner;
  /** Called when one cannot be kept running. */
  onGiveUp(error: Error): void;
  logger: Logger;
}

/** The edges of a server: one in its own process, or as many forks as the placement asks for, which are kept running. */
export class Edges {
  readonly #options: EdgesOptions;
  readonly #forks: SupervisedFork<EdgeProtocol>[] = [];
  #edge: Ref<EdgeProtocol> | undefined;

  constructor(options: EdgesOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { placement, spawner, limits, origin, rewinds } = this.#options;
    const { mode, clusterSize } = placement.of('Edge');
    if (mode === 'in-memory') {
      this.#edge = await spawner.spawn({ actor: EdgeActor }, { name: 'Edge', parameters: { limits, origin, rewinds } });
      return;
    }
    const dataSocket = await this.#options.openDataSocket();
    for (let number = 1; number <= clusterSize; number += 1) this.#forks.push(this.#fork(number, dataSocket));
    await Promise.all(this.#forks.map((fork) => fork.start()));
  }

  /** Those that are there at the moment. */
  running(): Ref<EdgeProtocol>[] {
    if (this.#edge) return [this.#edge];
    return this.#forks.map((fork) => fork.ref).filter((ref) => ref !== undefined);
  }

  /** Forks end; one in this process ends with its parent. */
  async stop(): Promise<void> {
    await Promise.all(this.#forks.map((fork) => fork.stop()));
  }

  #fork(number: number, { path: dataSocket, token }: DataSocket): SupervisedFork<EdgeProtocol> {
    const { spawner, limits, onGiveUp, logger } = this.#options;
    const name = `Edge ${number}`;
    return new SupervisedFork<EdgeProtocol>({
      name,
      spawn: () =>
        spawner.spawn(
          { actor: EdgeActor, module: new URL('./edge.js', import.meta.url) },
          { name, mode: 'forked', parameters: { limits, dataSocket, token } },
        ),
      onGiveUp,
      logger,
    });
  }
}
