import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import type { Row, Sized } from './scenario.js';

/** As much as a block holds at most, which is what a busy log commits at a time. */
const pieceBytes = 256 * 1024;

/** What the disk does with the same payload bytes and nothing around it: write and fdatasync, piece by piece. */
export function writeAndSync({ messages, payloadBytes }: { messages: Sized; payloadBytes: number }): Row {
  return {
    name: writeAndSync.rowName,
    persists: `fdatasync after every ${pieceBytes / 1024} KiB`,
    version: () => '',
    measure: async (size) => {
      const pieces = Math.ceil((messages[size] * payloadBytes) / pieceBytes);
      const startedMs = performance.now();
      await syncedWrites(pieces, pieceBytes, () => {});
      const elapsedMs = performance.now() - startedMs;
      return { numbers: { volume: (pieces * pieceBytes) / elapsedMs / 1_000 } };
    },
  };
}
writeAndSync.rowName = 'write + fdatasync';

/** How long the disk takes to sync a message's worth. */
export function syncLatency({ syncs, bytes }: { syncs: Sized; bytes: number }): Row {
  return {
    name: syncLatency.rowName,
    persists: `fdatasync after every ${bytes} B`,
    version: () => '',
    measure: async (size) => {
      const latency = new Float64Array(syncs[size]);
      await syncedWrites(latency.length, bytes, (index, ms) => {
        latency[index] = ms;
      });
      return { numbers: {}, samples: { latency } };
    },
  };
}
syncLatency.rowName = 'write + fdatasync';

async function syncedWrites(count: number, bytes: number, each: (index: number, ms: number) => void): Promise<void> {
  const { directory, remove } = await temporaryDirectory();
  const piece = Buffer.alloc(bytes, 'x');
  const file = openSync(join(directory, 'plain'), 'w');
  try {
    for (let index = 0; index < count; index += 1) {
      const startedMs = performance.now();
      writeSync(file, piece);
      fdatasyncSync(file);
      each(index, performance.now() - startedMs);
    }
  } finally {
    closeSync(file);
    await remove();
  }
}
