import { MemoryLevel } from 'memory-level';
import type { LevelHandle, Operation } from '../../storage/index.js';
import { Inbox } from '../support/inbox.js';

/** What the disk does to the next write: takes it and fails to sync it, or does not take it at all. */
export type WriteFault = 'not-written' | 'written-not-synced';

/** A disk under a store whose writes fail when a test says so, and whose free space a test sets. */
export class FailingDisk {
  /** Bytes that are free. */
  free = Number.MAX_SAFE_INTEGER;
  /** While set, the database cannot be opened. */
  unreadable = false;
  /** Writes to a handle that has failed: there must be none. */
  writesAfterFailure = 0;
  /** One entry for each write that failed. */
  readonly failures = new Inbox<WriteFault>();
  readonly #written: Operation[][] = [];
  #fault: { fault: WriteFault; holding: Buffer } | undefined;

  /** To be given to a store. */
  readonly openLevel = async (): Promise<LevelHandle> => {
    if (this.unreadable) throw new Error('IO error: the disk is away');
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    for (const operations of this.#written) await level.batch(operations);
    const { batch: unharmed } = level;
    const handle = { failed: false };
    const batch = async (operations: Operation[]): Promise<void> => {
      if (handle.failed) this.writesAfterFailure += 1;
      const fault = this.#due(operations);
      if (fault !== 'not-written') this.#written.push(operations);
      if (fault === undefined) return Reflect.apply(unharmed, level, [operations]);
      handle.failed = true;
      this.failures.push(fault);
      throw new Error(fault === 'not-written' ? 'No space left on device' : 'fdatasync: input/output error');
    };
    return Object.assign(level, { batch });
  };

  readonly freeBytes = async (): Promise<number> => this.free;

  /** Fail the next write that has this text in one of its values. */
  failWriteOf(text: string, fault: WriteFault): void {
    this.#fault = { fault, holding: Buffer.from(text) };
  }

  #due(operations: Operation[]): WriteFault | undefined {
    const due = this.#fault;
    if (!due) return undefined;
    const holds = (operation: Operation): boolean => operation.type === 'put' && operation.value.includes(due.holding);
    if (!operations.some(holds)) return undefined;
    this.#fault = undefined;
    return due.fault;
  }
}
