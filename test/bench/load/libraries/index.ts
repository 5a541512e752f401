import { readStream } from './ioredis.js';
import { readBlocks, readMessages } from './latecomer.js';
import type { LibraryName, LibraryReader } from './library.js';
import { readOrdered } from './nats.js';

/** The libraries by name. */
export const libraries: Record<LibraryName, LibraryReader> = {
  latecomer: readMessages,
  'latecomer-blocks': readBlocks,
  nats: readOrdered,
  ioredis: readStream,
};
