import {
  blockPayloadBytesMax,
  type Durability,
  limits,
  type Payloads,
  ProtocolError,
  type ReceiptRun,
} from '../protocol/index.js';
import {
  appendRun,
  type CommitSource,
  type Committer,
  type Log,
  type Operation,
  type ReceiptWrite,
  type Sealed,
  type StorageError,
} from '../storage/index.js';

/** One who publishes: its publishes are settled in the order in which they were queued. */
export interface Producer {
  /** Called while a block with its publishes is sealed. */
  receipt(log: Log, runs: ReceiptRun[], durability: Durability): ReceiptWrite | undefined;
  /** The publishes of these runs are durable at this level. */
  acknowledged(log: Log, runs: ReceiptRun[], durability: Durability): void;
  /** The publish of this number was not accepted, nor is any later one that is queued. */
  refused(number: number, error: StorageError | ProtocolError): void;
}

/** A publish that has no number in the log yet. */
export interface QueuedPublish {
  producer: Producer;
  /** The producer's own number. */
  number: number;
  payloads: Payloads;
  durability: Durability;
  /** What is written in the batch of its block; asked for when the log it goes into is settled. */
  along?: ((log: Log) => Operation) | undefined;
}

/**
 * The sink of a session's messages (SessionSink, SessionOutputStream): what is written to it is persisted before anybody is
 * told. It is a bounded queue of publishes, in front of the one batch that may be in flight. Nothing in it has a sequence
 * number: numbers and time are stamped when the committer comes for a block.
 */
export class PublishQueue implements CommitSource {
  #log: Log;
  readonly #committer: Pick<Committer, 'wake'>;
  readonly #clock: () => number;
  readonly #bytesMax: number;
  readonly #committed: (seq: number) => void;
  #queue: QueuedPublish[] = [];
  #taken = 0;
  #bytes = 0;
  #sealedCount = 0;
  /** Publishes ever queued, and settled; they are settled in the order in which they were queued. */
  #queuedTotal = 0;
  #settledTotal = 0;
  #takenTotal = 0;
  /** What is queued behind so many publishes waits for {@link release}. */
  #heldFrom = Number.POSITIVE_INFINITY;
  #waiting: { until: number; resolve: () => void }[] = [];

  /**
   * @param clock milliseconds since 1970, stamped on blocks
   * @param bytesMax payload bytes queued at the most; one publish more is refused with ERR_BUSY
   * @param committed called after every block, with the log's new last number
   */
  constructor(
    log: Log,
    committer: Pick<Committer, 'wake'>,
    clock: () => number,
    bytesMax: number,
    committed: (seq: number) => void,
  ) {
    this.#log = log;
    this.#committer = committer;
    this.#clock = clock;
    this.#bytesMax = bytesMax;
    this.#committed = committed;
  }

  /** Publishes waiting or being written. */
  get depth(): number {
    return this.#queue.length - this.#taken + this.#sealedCount;
  }

  /** Payload bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ProtocolError `ERR_BUSY` when the queue is full */
  push(publish: QueuedPublish): void {
    if (this.#bytes + publish.payloads.bytes.length > this.#bytesMax) {
      throw new ProtocolError(
        'ERR_BUSY',
        `publish queue of session ${this.#log.session} holds ${this.#bytes} bytes, limit ${this.#bytesMax}`,
      );
    }
    this.#bytes += publish.payloads.bytes.length;
    this.#queue.push(publish);
    this.#queuedTotal += 1;
    this.#committer.wake(this);
  }

  /** What is queued from now on is not written before {@link release}. */
  hold(): void {
    this.#heldFrom = this.#queuedTotal;
  }

  /** Go on, with what was held. @param log where it goes, and all that follows */
  release(log: Log): void {
    this.#heldFrom = Number.POSITIVE_INFINITY;
    this.#log = log;
    if (this.#taken < this.#queue.length) this.#committer.wake(this);
  }

  /** Resolves when everything queued so far has been settled. */
  async flushed(): Promise<void> {
    const until = this.#queuedTotal;
    if (this.#settledTotal === until) return;
    await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }));
  }

  seal(bytesMax: number): Sealed | undefined {
    const blocks = this.#takeBlocks(bytesMax);
    if (blocks.length === 0) return undefined;
    const log = this.#log;
    const durability = blocks.some((publishes) => publishes.some(isForDisk)) ? 'disk' : 'os';
    const { runs, runsOf } = runsByProducer(blocks, log.nextSeq);
    const receipts = new Map<Producer, ReceiptWrite>();
    for (const [producer, own] of runs) {
      const receipt = producer.receipt(log, own, durability);
      if (receipt) receipts.set(producer, receipt);
    }
    const sealed = blocks.map((publishes, index) => {
      const publishers = receiptsOf(runsOf[index]!, receipts);
      const payloads = publishes.map((publish) => publish.payloads);
      return log.seal(payloads, this.#clock(), { durability, publishers });
    });
    const operations = sealed.map(({ key, value }): Operation => ({ type: 'put', key, value }));
    for (const publishes of blocks) for (const { along } of publishes) if (along) operations.push(along(log));
    const { key: proof, lastSeq } = sealed[sealed.length - 1]!;
    const count = blocks.reduce((sum, { length }) => sum + length, 0);
    this.#sealedCount = count;
    return {
      operations,
      bytes: sealed.reduce((sum, { value }) => sum + value.length, 0),
      durability,
      proof,
      written: () => {
        this.#sealedCount = 0;
        log.written();
        for (const receipt of receipts.values()) receipt.written();
      },
      tell: (reached) => {
        this.#committed(lastSeq);
        for (const [producer, own] of runs) producer.acknowledged(log, own, reached);
        this.#settled(count);
      },
      refused: (error) => {
        this.#sealedCount = 0;
        log.discarded();
        for (const receipt of receipts.values()) receipt.discarded();
        this.#refuseAll(blocks.flat(), error);
      },
    };
  }

  /** A publish that was not written takes everything behind it along, or a producer's order would be broken. */
  #refuseAll(sealed: readonly QueuedPublish[], error: StorageError): void {
    const waiting = this.#queue.slice(this.#taken);
    this.#queue = [];
    this.#taken = 0;
    this.#bytes = 0;
    this.#takenTotal = this.#queuedTotal;
    const first = new Map<Producer, number>();
    for (const { producer, number } of [...sealed, ...waiting]) {
      if (!first.has(producer)) first.set(producer, number);
    }
    for (const [producer, number] of first) producer.refused(number, error);
    this.#settled(sealed.length + waiting.length);
  }

  /** The publishes of the next blocks: of as many as fit, of one at least. */
  #takeBlocks(bytesMax: number): QueuedPublish[][] {
    const blocks: QueuedPublish[][] = [];
    const waiting = this.#bytes;
    let room = bytesMax;
    do {
      const publishes = this.#take(Math.min(room, blockPayloadBytesMax));
      if (publishes.length === 0) break;
      blocks.push(publishes);
      room = bytesMax - (waiting - this.#bytes);
    } while (room >= blockPayloadBytesMax);
    return blocks;
  }

  /** The oldest publishes that fit one block: at least one, whatever its size. */
  #take(bytesMax: number): QueuedPublish[] {
    const taken: QueuedPublish[] = [];
    let bytes = 0;
    let messages = 0;
    while (this.#taken < this.#queue.length && this.#takenTotal < this.#heldFrom) {
      const publish = this.#queue[this.#taken]!;
      bytes += publish.payloads.bytes.length;
      messages += publish.payloads.count;
      if (taken.length > 0 && (bytes > bytesMax || messages > limits.blockMessagesMax)) break;
      taken.push(publish);
      this.#bytes -= publish.payloads.bytes.length;
      this.#taken += 1;
      this.#takenTotal += 1;
    }
    if (this.#taken === this.#queue.length || this.#taken > 4096) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    return taken;
  }

  #settled(publishes: number): void {
    this.#settledTotal += publishes;
    while (this.#waiting.length > 0 && this.#waiting[0]!.until <= this.#settledTotal) this.#waiting.shift()!.resolve();
  }
}

function isForDisk({ durability }: QueuedPublish): boolean {
  return durability === 'disk';
}

type Runs = Map<Producer, ReceiptRun[]>;

/** The publishes of a batch as runs, per producer, in order: of all its blocks together, and of each of them. */
function runsByProducer(blocks: readonly QueuedPublish[][], firstSeq: number): { runs: Runs; runsOf: Runs[] } {
  const runs: Runs = new Map();
  let seq = firstSeq;
  const runsOf = blocks.map((publishes) => {
    const ofBlock: Runs = new Map();
    for (const { producer, number, payloads } of publishes) {
      appendRun(entryOf(ofBlock, producer), number, 1, seq, payloads.count);
      seq += payloads.count;
    }
    for (const [producer, own] of ofBlock) for (const run of own) appendRun(entryOf(runs, producer), ...run);
    return ofBlock;
  });
  return { runs, runsOf };
}

function entryOf(runs: Runs, producer: Producer): ReceiptRun[] {
  const known = runs.get(producer);
  if (known) return known;
  const own: ReceiptRun[] = [];
  runs.set(producer, own);
  return own;
}

/** What is stored with a block of those whose receipts are kept. */
function receiptsOf(runs: Runs, receipts: ReadonlyMap<Producer, ReceiptWrite>): [publisher: string, ReceiptRun[]][] {
  return [...runs].flatMap(([producer, own]) => {
    const receipt = receipts.get(producer);
    return receipt ? [[receipt.publisher, own]] : [];
  });
}
