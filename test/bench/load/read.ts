import { machineMs } from './clock.js';
import type { LibraryName, LibraryOrder } from './libraries/library.js';

/** What a program that uses a client library is to do. */
export interface ReadTask extends LibraryOrder {
  library: LibraryName;
  payloadBytes: number;
}

/** What it was handed. */
export interface ReadReport {
  messages: number;
  /** Before it connected. */
  startedMs: number;
  /** When the connection was closed again. */
  endedMs: number;
}

/** Read all there is through a library. Each payload is looked at. */
export async function read({ library, payloadBytes, ...order }: ReadTask): Promise<ReadReport> {
  // The other load processes are spared the libraries.
  const { libraries } = await import('./libraries/index.js');
  const filler = 'x'.charCodeAt(0);
  const startedMs = machineMs();
  let messages = 0;
  await libraries[library](order, (payload) => {
    if (payload.length !== payloadBytes || payload[payloadBytes - 1] !== filler) {
      throw new Error(`message ${messages + 1} is not what was published`);
    }
    messages += 1;
  });
  return { messages, startedMs, endedMs: machineMs() };
}
