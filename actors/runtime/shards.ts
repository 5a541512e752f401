import { type ComedyActor, type ComedyDefinition, type ComedyProxy, settled } from './comedy.js';

/** In-memory children of one comedy actor; beyond it, stopping one of them takes comedy too long (O(siblings)). */
export const childrenPerShardMax = 500;

interface Shard {
  parent: Promise<ComedyActor>;
  children: number;
}

/** Spreads the in-memory children of an actor over as many comedy parents as they need. */
export class Shards {
  readonly #self: ComedyActor;
  readonly #shards: Shard[];

  constructor(self: ComedyActor) {
    this.#self = self;
    this.#shards = [{ parent: Promise.resolve(self), children: 0 }];
  }

  /**
   * Create a child under the first parent that has room.
   * @param exited when the child is gone and makes room
   */
  async createChild(definition: ComedyDefinition & { name: string }, exited: Promise<unknown>): Promise<ComedyProxy> {
    const shard = this.#withRoom();
    shard.children++;
    const leave = (): void => {
      shard.children--;
    };
    try {
      const parent = await shard.parent;
      const proxy = await settled(parent.createChild(definition, { mode: 'in-memory', name: definition.name }));
      exited.then(leave);
      return proxy;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #withRoom(): Shard {
    const found = this.#shards.find((shard) => shard.children < childrenPerShardMax);
    if (found) return found;
    const shard: Shard = { parent: this.#createShard(), children: 0 };
    this.#shards.push(shard);
    return shard;
  }

  #createShard(): Promise<ComedyActor> {
    return new Promise((resolve, reject) => {
      const definition: ComedyDefinition = { initialize: resolve };
      // The parent must be ready before it may have children, so its own reference arrives first.
      settled(this.#self.createChild(definition, { mode: 'in-memory', name: 'Shard' })).catch(reject);
    });
  }
}
