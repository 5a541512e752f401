import { MemoryLevel } from 'memory-level';
import type { LevelHandle, Operation } from '../../storage/index.js';

/**
 * What happens at one commit:
 * `no-space` – it is rejected and not written; the handle accepts everything afterwards, and all of it is gone later;
 * `fsync-lost`, `fsync-kept` – it is rejected, and is not, or is, there when the database is opened again;
 * `crash-before`, `crash-after` – the process ends before, or after, it is written, and never hears of it.
 */
export type Fault = 'no-space' | 'fsync-lost' | 'fsync-kept' | 'crash-before' | 'crash-after';

/** A disk under a LevelDB: a journal of batches, of which only the synced ones survive a power failure. */
export class FaultDisk {
  /** Batches written so far, the one that opens a store included. */
  commits = 0;
  /** Writes on a handle that had failed: there must be none. */
  writesAfterFailure = 0;
  /** So many attempts to open fail, then it works again. */
  failingOpens = 0;
  /** So many of the newest batches are gone when it is opened next, synced or not: a broken disk. */
  loseAtNextOpen = 0;
  /** The database that was opened last. */
  level: LevelHandle | undefined;
  /** Resolved when the process has ended. */
  crashed!: Promise<void>;
  #crash!: () => void;
  #journal: Operation[][] = [];
  #synced = 0;
  #fault: { atCommit: number; fault: Fault } | undefined;

  constructor(fault?: { atCommit: number; fault: Fault }) {
    this.#fault = fault;
    this.#live();
  }

  /** To be given to a store as its `openLevel`. */
  readonly openLevel = async (): Promise<LevelHandle> => {
    if (this.failingOpens > 0) {
      this.failingOpens -= 1;
      throw new Error('IO error: No space left on device');
    }
    this.#journal.length -= this.loseAtNextOpen;
    this.loseAtNextOpen = 0;
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    for (const operations of this.#journal) await level.batch(operations);
    this.#synced = this.#journal.length;
    const { batch: unharmed } = level;
    const apply = (operations: Operation[]): Promise<void> => Reflect.apply(unharmed, level, [operations]);
    const handle = { failed: false };
    const batch = (operations: Operation[], { sync }: { sync: boolean }): Promise<void> =>
      this.#write(handle, operations, sync, apply);
    this.level = Object.assign(level, { batch });
    return this.level;
  };

  /** The power fails: what was not synced is gone, but for the first `kept` batches of it. */
  losePower(kept: number): void {
    this.#journal.length = Math.min(this.#journal.length, this.#synced + kept);
  }

  /** What happens at a later commit, after the first fault, to the process that is there now. */
  failAt(commit: number, fault: Fault): void {
    this.#fault = { atCommit: commit, fault };
    this.#live();
  }

  /** A batch is gone when it is opened next, but not those behind it: a broken disk. */
  loseCommit(commit: number): void {
    this.#journal.splice(commit, 1);
  }

  #live(): void {
    this.crashed = new Promise((resolve) => {
      this.#crash = resolve;
    });
  }

  async #write(
    handle: { failed: boolean },
    operations: Operation[],
    sync: boolean,
    apply: (operations: Operation[]) => Promise<void>,
  ): Promise<void> {
    if (handle.failed) {
      this.writesAfterFailure += 1;
      return apply(operations);
    }
    const index = this.commits;
    this.commits += 1;
    if (this.#fault?.atCommit === index) return this.#fail(handle, operations, this.#fault.fault);
    this.#journal.push(operations);
    if (sync) this.#synced = this.#journal.length;
    await apply(operations);
  }

  #fail(handle: { failed: boolean }, operations: Operation[], fault: Fault): Promise<void> {
    handle.failed = true;
    if (fault === 'fsync-kept' || fault === 'crash-after') this.#journal.push(operations);
    if (fault === 'crash-before' || fault === 'crash-after') {
      this.#crash();
      return new Promise(() => {});
    }
    if (fault === 'no-space') this.failingOpens = 2;
    return Promise.reject(
      new Error(fault === 'no-space' ? 'No space left on device' : 'fdatasync: input/output error'),
    );
  }
}
