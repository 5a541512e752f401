import { pino } from 'pino';
import type { Durability, Payloads } from '../../protocol/index.js';
import type { Committer, Log, Operation, Sealed, StorageError, StoreOptions } from '../../storage/index.js';

/** A clock that moves by a millisecond whenever it is looked at. */
export function tickingClock(startMs = 1_000_000): () => number {
  let nowMs = startMs;
  return () => {
    nowMs += 1;
    return nowMs;
  };
}

/** Options for a store in `directory`, silent, with its own clock. */
export function storeOptions(directory: string, more: Partial<StoreOptions> = {}): StoreOptions {
  return {
    directory,
    durability: 'disk',
    coalesceMs: 0,
    sweepMs: 0,
    clock: tickingClock(),
    logger: pino({ level: 'silent' }),
    ...more,
  };
}

/** What became of something published. */
export interface Outcome {
  firstSeq: number;
  lastSeq: number;
  durability?: Durability;
  error?: StorageError;
}

/** Publishes one block at a time into a log, and tells what became of it. */
export class TestPublisher {
  readonly #committer: Committer;
  readonly #log: Log;
  readonly #queue: {
    payloads: Payloads;
    durability: Durability;
    extra: Operation[];
    done: (outcome: Outcome) => void;
  }[] = [];

  constructor(committer: Committer, log: Log) {
    this.#committer = committer;
    this.#log = log;
  }

  publish(payloads: Payloads, durability: Durability = 'os', extra: Operation[] = []): Promise<Outcome> {
    return new Promise((done) => {
      this.#queue.push({ payloads, durability, extra, done });
      this.#committer.wake(this);
    });
  }

  seal(): Sealed | undefined {
    const next = this.#queue.shift();
    if (!next) return undefined;
    const { block, firstSeq, lastSeq, key } = this.#log.seal([next.payloads], 0);
    return {
      operations: [{ type: 'put', key, value: block }, ...next.extra],
      bytes: block.length,
      durability: next.durability,
      proof: key,
      written: (durability) => {
        this.#log.written();
        next.done({ firstSeq, lastSeq, durability });
      },
      refused: (error) => {
        this.#log.discarded();
        next.done({ firstSeq, lastSeq, error });
      },
    };
  }
}
