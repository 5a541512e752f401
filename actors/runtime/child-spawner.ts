import type { Definition, Spawner, SpawnOptions } from './actor.js';
import { ActorHost } from './actor-host.js';
import type { Topics } from './behaviour.js';
import { type ComedyActor, type ComedyProxy, settled } from './comedy.js';
import { stoppedError } from './errors.js';
import { spawnFork } from './fork-ref.js';
import { LocalRef } from './local-ref.js';
import type { Ref } from './ref.js';
import type { Runtime } from './runtime.js';
import { Shards } from './shards.js';

/** Makes the children of one actor. */
export class ChildSpawner implements Spawner {
  readonly #runtime: Runtime;
  readonly #self: ComedyActor;
  readonly #shards: Shards;

  constructor(runtime: Runtime, self: ComedyActor) {
    this.#runtime = runtime;
    this.#self = self;
    this.#shards = new Shards(self);
  }

  async spawn<Parameters, Protocol extends Topics>(
    definition: Definition<Parameters, Protocol>,
    options: SpawnOptions<NoInfer<Parameters>>,
  ): Promise<Ref<Protocol>> {
    if (options.mode === 'forked') return spawnFork(this.#runtime, this.#self, definition, options);
    const host = new ActorHost(this.#runtime, definition.actor, options.name, options.parameters);
    const proxy = await this.#create(host);
    if (host.startError) {
      await settled(proxy.destroy());
      throw host.startError;
    }
    return new LocalRef(this.#runtime, host, proxy);
  }

  async #create<Parameters, Protocol extends Topics>(host: ActorHost<Parameters, Protocol>): Promise<ComedyProxy> {
    try {
      return await this.#shards.createChild(host);
    } catch (error) {
      throw stoppedError(host.name, 'its parent is stopping', error);
    }
  }
}
