import { pino } from 'pino';
import type { Durability, Payloads, ReceiptRun, SessionSummary } from '../../protocol/index.js';
import type {
  Committer,
  Log,
  PublisherRecord,
  Sealed,
  StorageError,
  Store,
  StoreOptions,
} from '../../storage/index.js';
import type { SealedPublishes } from '../../storage/log.js';

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
    saveMs: 0,
    clock: tickingClock(),
    logger: pino({ level: 'silent' }),
    ...more,
  };
}

/** End a session; the one behind it is called `next`. @returns the line of the one that has ended */
export async function endSession(store: Store, log: Log, reason = 'enough', next = 'next'): Promise<SessionSummary> {
  await store.rollSession(log, { session: next, reason });
  return store.summary(log);
}

/** What became of something published. */
export interface Outcome {
  firstSeq: number;
  lastSeq: number;
  /** The publisher's own number of it; 0 when no record is kept. */
  number: number;
  durability?: Durability;
  error?: StorageError;
}

/** Publishes one block at a time into a log, and tells what became of it. With a record, each block has a receipt. */
export class TestPublisher {
  readonly #committer: Committer;
  readonly #log: Log;
  readonly #record: PublisherRecord | undefined;
  readonly #queue: {
    payloads: Payloads;
    durability: Durability;
    done: (outcome: Outcome) => void;
  }[] = [];

  constructor(committer: Committer, log: Log, record?: PublisherRecord) {
    this.#committer = committer;
    this.#log = log;
    this.#record = record;
  }

  publish(payloads: Payloads, durability: Durability = 'os'): Promise<Outcome> {
    return new Promise((done) => {
      this.#queue.push({ payloads, durability, done });
      this.#committer.wake(this);
    });
  }

  seal(): Sealed | undefined {
    const next = this.#queue.shift();
    if (!next) return undefined;
    const { payloads, durability, done } = next;
    const number = this.#record ? this.#record.lastNumber + 1 : 0;
    const runs: ReceiptRun[] = [[number, 1, this.#log.nextSeq, payloads.count]];
    const receipt = this.#record?.record(this.#log, runs, durability);
    const publishers: SealedPublishes['publishers'] = receipt ? [[receipt.publisher, runs]] : [];
    const { firstSeq, lastSeq, key, value } = this.#log.seal([payloads], 0, { durability, publishers });
    return {
      operations: [{ type: 'put', key, value }],
      bytes: value.length,
      durability,
      proof: key,
      written: () => {
        this.#log.written();
        receipt?.written();
      },
      tell: (reached) => {
        done({ firstSeq, lastSeq, number, durability: reached });
      },
      refused: (error) => {
        this.#log.discarded();
        receipt?.discarded();
        done({ firstSeq, lastSeq, number, error });
      },
    };
  }
}
