/** Counters since a store was opened, for `inspect`. */
export interface StoreStats {
  /** Batches written. */
  batches: number;
  /** Blocks and other items in them. */
  commits: number;
  bytesWritten: number;
  /** Pages read from the database. */
  reads: number;
  bytesRead: number;
  /** Pages that needed no read of their own. */
  cacheHits: number;
  cacheBytes: number;
  ringBytes: number;
  freeBytes: number;
  /** Values written or deleted to put small blocks together. */
  coalesced: number;
  /** How often the database was opened again after a failed write. */
  reopens: number;
}
