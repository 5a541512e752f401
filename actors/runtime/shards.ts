import { type ComedyActor, type ComedyDefinition, type ComedyProxy, settled } from './comedy.js';

/** In-memory children of one comedy actor; stopping one of them costs comedy a look at each of the others. */
export const childrenPerShardMax = 100;

/** What comedy makes a child of, and what gives its place back when it goes. */
export interface ShardChild extends ComedyDefinition {
  readonly name: string;
  shard: Shard | undefined;
  /** It has gone, or never came. */
  gone(): void;
}

/** One comedy parent and how many children it has, or is about to have. */
export class Shard {
  readonly parent: Promise<ComedyActor>;
  #children = 0;

  constructor(parent: Promise<ComedyActor>) {
    this.parent = parent;
  }

  get hasRoom(): boolean {
    return this.#children < childrenPerShardMax;
  }

  take(child: ShardChild): void {
    this.#children += 1;
    child.shard = this;
  }

  leave(): void {
    this.#children -= 1;
  }
}

/** comedy would make up an id for each actor in a way that takes longer than all the rest of making one. */
let lastId = 0;

/** Spreads the in-memory children of an actor over as many comedy parents as they need. */
export class Shards {
  readonly #self: ComedyActor;
  readonly #shards: Shard[];

  constructor(self: ComedyActor) {
    this.#self = self;
    this.#shards = [new Shard(Promise.resolve(self))];
  }

  /** Create a child under the first parent that has room. */
  async createChild(child: ShardChild): Promise<ComedyProxy> {
    const shard = this.#withRoom();
    shard.take(child);
    try {
      return await settled((await shard.parent).createChild(child, inMemory(child.name)));
    } catch (error) {
      child.gone();
      throw error;
    }
  }

  #withRoom(): Shard {
    const found = this.#shards.find((shard) => shard.hasRoom);
    if (found) return found;
    const shard = new Shard(this.#createParent());
    this.#shards.push(shard);
    return shard;
  }

  #createParent(): Promise<ComedyActor> {
    return new Promise((resolve, reject) => {
      const definition: ComedyDefinition = { initialize: resolve };
      // The parent must be ready before it may have children, so its own reference arrives first.
      settled(this.#self.createChild(definition, inMemory('Shard'))).catch(reject);
    });
  }
}

function inMemory(name: string): object {
  lastId += 1;
  return { mode: 'in-memory', name, id: `${lastId}` };
}
