import { MemoryLevel } from 'memory-level';
import type { LevelHandle } from '../../storage/index.js';
import { KeyKind } from '../../storage/keys.js';

/**
 * A LevelDB in memory that survives being closed, and of which the blocks of one log can be made unreadable, as a broken
 * table makes them.
 */
export class UnreadableLevel {
  readonly #level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
  readonly #iterator = this.#level.iterator.bind(this.#level);
  /** Number of the log whose blocks cannot be read. */
  log: number | undefined;

  /** To be given to a store as its `openLevel`. */
  readonly openLevel = async (): Promise<LevelHandle> => {
    const iterator = (options: { gte: Buffer }) => {
      const opened = this.#iterator(options as never);
      const nextv = opened.nextv.bind(opened) as (size: number) => Promise<[Buffer, Buffer][]>;
      const read = (size: number) => (this.#isUnreadable(options.gte) ? Promise.reject(corruption()) : nextv(size));
      return Object.assign(opened, { nextv: read });
    };
    return Object.assign(this.#level, { iterator, close: async () => {} }) as unknown as LevelHandle;
  };

  #isUnreadable(from: Buffer): boolean {
    return from[0] === KeyKind.BLOCK && from.readUInt32BE(1) === this.log;
  }
}

function corruption(): Error {
  return Object.assign(new Error('Corruption: bad block type'), { code: 'LEVEL_CORRUPTION' });
}
