import type { Durability } from '../protocol/index.js';
import { limits } from '../protocol/index.js';
import type { Database } from './database.js';
import { StorageError } from './errors.js';
import { type LevelHandle, type Operation, rootCause, writeBatch } from './level.js';
import { OneOffWrite } from './one-off-write.js';
import type { SpaceGuard } from './space-guard.js';
import type { Wait } from './wait.js';

/** What a source wants written, all of it or nothing, and how it learns what became of it. */
export interface Sealed {
  operations: Operation[];
  /** About how much it is. */
  bytes: number;
  /** `disk`: not written before fsync has returned. */
  durability: Durability;
  /** A key of its own that is in the database if, and only if, it was written. */
  proof: Buffer;
  /** It is written: take it in, so that the next one can be sealed. */
  written(): void;
  /**
   * Tell those who wait that it is written, at this level, which may be stronger than what was asked for. Called in the
   * turn of {@link written}, when the next batch is on its way: telling takes long, and need not keep the disk waiting.
   */
  tell(durability: Durability): void;
  /** It is not written (`ERR_NOT_WRITTEN`, `ERR_DISK_FULL`), or nobody can tell (`ERR_OUTCOME_UNKNOWN`). */
  refused(error: StorageError): void;
}

/** One who has something to write from time to time: a session with its queue. */
export interface CommitSource {
  /**
   * Called when nothing is in flight, once per batch until it returns `undefined`; number and stamp things now.
   * @param bytesMax its share of the batch; a single publish may be larger
   */
  seal(bytesMax: number): Sealed | undefined;
}

/** What a {@link Committer} works with. */
export interface CommitterOptions {
  database: Database;
  /** `disk`: every batch of messages is synced; `os`: one that has an item which asks for it. */
  durability: Durability;
  guard: SpaceGuard;
  outcomeDeadlineMs: number;
  wait: Wait;
}

interface Doubtful {
  items: Sealed[];
  settled: () => void;
}

/** Items that are written, of which nobody has been told. */
interface Untold {
  items: Sealed[];
  durability: Durability;
}

interface Batch {
  items: Sealed[];
  /** How many of them are of sources. */
  blocks: number;
  operations: Operation[];
  bytes: number;
  sync: boolean;
}

/**
 * A batch is at most about this large, over all logs: a sync and a round of acknowledgements are for as much as that. One
 * of half the size costs a publisher that fills them an eighth of its pace; who has little to write waits for two at most.
 */
const batchBytesMax = 2 * 1024 * 1024;

/**
 * Group commit: exactly one batch in flight for the whole database. While it is, publishes queue up; when it is done,
 * each source seals what it has, up to its share, and all of that is the next batch.
 */
export class Committer {
  readonly #options: CommitterOptions;
  /** In the order in which they are served; one that was served goes to the back. */
  readonly #sources = new Set<CommitSource>();
  #writes: OneOffWrite[] = [];
  #scheduled = false;
  #running: Promise<void> | undefined;
  #doubtful: Doubtful | undefined;
  #untold: Untold | undefined;
  #closed = false;
  #batches = 0;
  #commits = 0;
  #syncedBlocks = 0;
  #bytes = 0;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Batches written, blocks and other items in them, those of sources that were synced, and the bytes of all. */
  get counters(): { batches: number; commits: number; syncedBlocks: number; bytesWritten: number } {
    return {
      batches: this.#batches,
      commits: this.#commits,
      syncedBlocks: this.#syncedBlocks,
      bytesWritten: this.#bytes,
    };
  }

  /** The source has something to write. It is asked for it as soon as nothing is in flight. */
  wake(source: CommitSource): void {
    this.#sources.add(source);
    this.#schedule();
  }

  /**
   * Write this in the next batch.
   * @param durability `os`: it need not be synced, whatever the store's level
   * @throws StorageError `ERR_NOT_WRITTEN`, `ERR_OUTCOME_UNKNOWN`, `ERR_STORAGE_CLOSED`
   */
  write(operations: Operation[], durability: Durability): Promise<void> {
    if (this.#closed) return Promise.reject(new StorageError('ERR_STORAGE_CLOSED', 'the store is closed'));
    const write = new OneOffWrite(operations, durability);
    this.#writes.push(write);
    this.#schedule();
    return write.settled;
  }

  /** To be called with a database that was opened again: what was in doubt is looked for. */
  async recover(level: LevelHandle): Promise<() => void> {
    const doubtful = this.#doubtful;
    const found = await Promise.all((doubtful?.items ?? []).map((item) => isWritten(level, item)));
    return () => {
      if (doubtful) this.#settle(doubtful, (item, index) => settleFound(item, found[index]!));
      this.#schedule();
    };
  }

  /** Waits for the batch in flight; what is queued behind it is not written. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#giveUp(this.#doubtful, 'the store was closed before the disk came back');
    await this.#running;
    const closed = new StorageError('ERR_STORAGE_CLOSED', 'the store is closed');
    for (const write of this.#writes.splice(0)) write.refused(closed);
    this.#sources.clear();
  }

  #schedule(): void {
    if (this.#scheduled || this.#running || this.#closed || !this.#options.database.level) return;
    if (this.#sources.size === 0 && this.#writes.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#schedule();
      });
    });
  }

  /** What throws here is a programmer's error in a source; it is not caught, so that it ends the process. */
  async #run(): Promise<void> {
    for (;;) {
      const level = this.#options.database.level;
      const batch = level && !this.#closed ? this.#collect() : undefined;
      if (level && batch) await this.#commit(level, batch);
      else if (this.#untold) this.#tell();
      else break;
    }
  }

  #collect(): Batch | undefined {
    const batch: Batch = { items: [], blocks: 0, operations: [], bytes: 0, sync: false };
    while (this.#writes.length > 0 && batch.bytes < batchBytesMax) add(batch, this.#writes.shift()!);
    const refusal = this.#options.guard.refusal();
    const sources = [...this.#sources];
    for (const [index, source] of sources.entries()) {
      const room = batchBytesMax - batch.bytes;
      if (room < limits.blockBytesMax) break;
      this.#sources.delete(source);
      const sealed = source.seal(Math.max(room / (sources.length - index), limits.blockBytesMax));
      if (!sealed) continue;
      if (refusal) {
        this.#tell();
        sealed.refused(refusal);
        continue;
      }
      this.#sources.add(source);
      add(batch, sealed);
      batch.blocks += 1;
      if (this.#options.durability === 'disk') batch.sync = true;
    }
    if (batch.items.length === 0) return undefined;
    return batch;
  }

  async #commit(level: LevelHandle, batch: Batch): Promise<void> {
    this.#options.guard.wrote(batch.bytes);
    const writing = writeBatch(level, batch.operations, batch.sync);
    this.#tell();
    try {
      await writing;
    } catch (error) {
      return await this.#failed(batch, error);
    }
    this.#batches += 1;
    this.#commits += batch.items.length;
    if (batch.sync) this.#syncedBlocks += batch.blocks;
    this.#bytes += batch.bytes;
    for (const item of batch.items) item.written();
    this.#untold = { items: batch.items, durability: batch.sync ? 'disk' : 'os' };
  }

  #tell(): void {
    const untold = this.#untold;
    this.#untold = undefined;
    for (const item of untold?.items ?? []) item.tell(untold!.durability);
  }

  /** Whether the batch is on disk is not known until the database is open again, so nobody is told before. */
  async #failed(batch: Batch, error: unknown): Promise<void> {
    const { database, wait, outcomeDeadlineMs } = this.#options;
    const timer = new AbortController();
    let settled: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      settled = resolve;
    });
    const doubtful = { items: batch.items, settled };
    this.#doubtful = doubtful;
    database.failed(error);
    if (this.#closed) this.#giveUp(doubtful, 'the last write before the store was closed failed');
    wait(outcomeDeadlineMs, timer.signal).then(
      () => this.#giveUp(doubtful, `no disk within ${outcomeDeadlineMs} ms of this: ${rootCause(error).message}`),
      () => {},
    );
    await done;
    timer.abort();
  }

  #giveUp(doubtful: Doubtful | undefined, message: string): void {
    if (doubtful) this.#settle(doubtful, (item) => item.refused(new StorageError('ERR_OUTCOME_UNKNOWN', message)));
  }

  /** Once: whoever comes first, the database or the deadline. */
  #settle(doubtful: Doubtful, settle: (item: Sealed, index: number) => void): void {
    if (this.#doubtful !== doubtful) return;
    this.#doubtful = undefined;
    doubtful.items.forEach(settle);
    doubtful.settled();
  }
}

function add(batch: Batch, item: Sealed): void {
  batch.items.push(item);
  for (const operation of item.operations) batch.operations.push(operation);
  batch.bytes += item.bytes;
  if (item.durability === 'disk') batch.sync = true;
}

async function isWritten(level: LevelHandle, item: Sealed): Promise<boolean> {
  if (item instanceof OneOffWrite) return await item.isWritten(level);
  return (await level.get(item.proof)) !== undefined;
}

/** What a database says after it was opened is on disk: opening writes, and syncs, what it recovers. */
function settleFound(item: Sealed, found: boolean): void {
  if (found) {
    item.written();
    item.tell('disk');
  } else {
    item.refused(new StorageError('ERR_NOT_WRITTEN', 'the write failed and is not in the log; it can be sent again'));
  }
}
