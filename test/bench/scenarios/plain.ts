import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLevel, writeBatch } from '../../../storage/level.js';
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

/** What a batch holds at most, which is also what a commit of this server does. */
const batchBytesMax = 2 * 1024 * 1024;

/**
 * What the database does with the same payload bytes and nothing around it: batches one after the other, each synced.
 * @param batchBytes as much as can be on its way at once; a batch never holds more than a commit of this server does
 * @param numbers what it found, from how many bytes took how many milliseconds
 */
export function levelAlone(
  bytes: Sized,
  batchBytes: number,
  numbers: (bytes: number, elapsedMs: number) => Record<string, number>,
): Row {
  const size = Math.min(batchBytes, batchBytesMax);
  return {
    name: levelAlone.rowName,
    persists: `LevelDB, fsync after every ${Math.ceil(size / 1024)} KiB, no server and no network`,
    version: () => '',
    measure: async (amount) => {
      const batches = Math.ceil(bytes[amount] / size);
      const elapsedMs = await levelBatches(batches, size);
      return { numbers: numbers(batches * size, elapsedMs) };
    },
  };
}
levelAlone.rowName = 'LevelDB alone';

async function levelBatches(count: number, bytes: number): Promise<number> {
  const { directory, remove } = await temporaryDirectory();
  const level = await openLevel(directory);
  const value = Buffer.alloc(Math.min(bytes, pieceBytes), 'x');
  const values = Math.ceil(bytes / pieceBytes);
  const startedMs = performance.now();
  try {
    for (let batch = 0; batch < count; batch += 1) {
      const operations = Array.from({ length: values }, (_, index) => {
        const key = Buffer.alloc(8);
        key.writeBigUInt64BE(BigInt(batch * values + index));
        return { type: 'put' as const, key, value };
      });
      await writeBatch(level, operations, true);
    }
    return performance.now() - startedMs;
  } finally {
    await level.close();
    await remove();
  }
}

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
