import { connect } from '../../../../client/index.js';
import type { LibraryReader } from './library.js';

/** `latecomer/client`, a message at a time. */
export const readMessages: LibraryReader = async ({ port, messages }, take) => {
  const client = await connect({ port, publisher: false });
  for await (const { seq, payload } of client.subscribe({ from: 1 })) {
    take(payload);
    if (seq === messages) break;
  }
  await client.close();
};

/** The same a block at a time. */
export const readBlocks: LibraryReader = async ({ port, messages }, take) => {
  const client = await connect({ port, publisher: false });
  for await (const block of client.subscribe({ from: 1 }).blocks()) {
    for (const { payload } of block) take(payload);
    if (block.lastSeq === messages) break;
  }
  await client.close();
};
