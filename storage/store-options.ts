import { randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Durability } from '../protocol/index.js';
import { type OpenLevel, openLevel } from './level.js';
import { realWait, type Wait } from './wait.js';

const mebibyte = 1024 * 1024;
const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

/** How a store is opened; what is optional has the default of {@link settle}. */
export interface StoreOptions {
  /** Created when absent. */
  directory: string;
  /** `disk`: messages are synced before they are acknowledged; `os`: only those of publishers that ask for it. */
  durability: Durability;
  /** Milliseconds since 1970. */
  clock: () => number;
  logger: Logger;
  /** Publishes are refused when the disk has less than this left. */
  diskReserveBytes?: number;
  /** Recent blocks held in memory, per log. */
  ringBytesMax?: number;
  /** Pages that were read back, over all logs. */
  pageCacheBytesMax?: number;
  /** So long after a failed write its outcome is looked for; then it counts as unknown. */
  outcomeDeadlineMs?: number;
  /** Receipts of publishes are kept at least so long. */
  publisherExpiryMs?: number;
  /** Pause between two looks for small blocks to put together; 0 leaves them. */
  coalesceMs?: number;
  /** Pause between two rounds in which expired receipts are deleted; 0 leaves them. */
  sweepMs?: number;
  /** Pause between two looks at whether it is time to put receipts in rows of their own; 0 leaves that to the end. */
  saveMs?: number;
  openLevel?: OpenLevel;
  /** Bytes a file in this directory could still take. */
  freeBytes?: (directory: string) => Promise<number>;
  /** 16 hexadecimal characters. */
  randomEpoch?: () => string;
  /** Pause before attempt 1, 2, 3… to open again after a failure. */
  backoffMs?: (attempt: number) => number;
  wait?: Wait;
}

/** The options with every default filled in. */
export function settle(options: StoreOptions): Required<StoreOptions> {
  return {
    diskReserveBytes: 256 * mebibyte,
    ringBytesMax: 16 * mebibyte,
    pageCacheBytesMax: 32 * mebibyte,
    outcomeDeadlineMs: 30_000,
    publisherExpiryMs: 7 * dayMs,
    coalesceMs: 1_000,
    sweepMs: hourMs,
    saveMs: 1_000,
    openLevel,
    freeBytes,
    randomEpoch: () => randomBytes(8).toString('hex'),
    backoffMs: (attempt) => Math.min(5_000, 50 * 2 ** attempt),
    wait: realWait,
    ...options,
  };
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
