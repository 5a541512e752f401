import { strict as assert } from 'node:assert';
import type { Durability } from '../protocol/index.js';
import type { Sealed } from './committer.js';
import type { StorageError } from './errors.js';
import type { LevelHandle, Operation } from './level.js';

/** Something that is written once, outside of any log's stream: a line of the catalogue, a coalesced value. */
export class OneOffWrite implements Sealed {
  readonly operations: Operation[];
  readonly bytes: number;
  readonly durability: Durability;
  readonly proof: Buffer;
  /** Resolves when it is written, rejects when it is not, or when nobody can tell. */
  readonly settled: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: StorageError) => void;

  constructor(operations: Operation[], durability: Durability) {
    assert(operations.length > 0, 'a write has at least one operation');
    this.operations = operations;
    this.durability = durability;
    this.proof = operations[0]!.key;
    this.bytes = operations.reduce(
      (sum, { key, ...rest }) => sum + key.length + ('value' in rest ? rest.value.length : 0),
      0,
    );
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  written(): void {}

  tell(): void {
    this.#resolve();
  }

  refused(error: StorageError): void {
    this.#reject(error);
  }

  /** Its keys may have been there before, so each is looked at with its value. */
  async isWritten(level: LevelHandle): Promise<boolean> {
    const found = await level.getMany(this.operations.map(({ key }) => key));
    return this.operations.every((operation, index) =>
      operation.type === 'put' ? found[index]?.equals(operation.value) === true : found[index] === undefined,
    );
  }
}
