import type { Durability, Payloads, ProtocolError, ReceiptRun } from '../protocol/index.js';
import type { Log, Operation, StorageError } from '../storage/index.js';
import type { Producer, PublishQueue } from './publish-queue.js';

/** Where the messages of a publish of the server's own are. */
export interface LocalReceipt {
  log: Log;
  firstSeq: number;
}

interface Pending {
  number: number;
  resolve(receipt: LocalReceipt): void;
  reject(error: unknown): void;
}

/** Publishes of the server's own process: no receipt is kept, since they end with it. */
export class LocalProducer implements Producer {
  #pending: Pending[] = [];
  #lastNumber = 0;

  /**
   * Queue payloads; resolves when they are durable.
   * @param along what is to be durable with them
   * @throws ProtocolError `ERR_BUSY`; StorageError when they were not written
   */
  publish(
    queue: PublishQueue,
    payloads: Payloads,
    durability: Durability,
    along?: (log: Log) => Operation,
  ): Promise<LocalReceipt> {
    return new Promise((resolve, reject) => {
      const number = this.#lastNumber + 1;
      queue.push({ producer: this, number, payloads, durability, along });
      this.#lastNumber = number;
      this.#pending.push({ number, resolve, reject });
    });
  }

  receipt(): undefined {
    return undefined;
  }

  acknowledged(log: Log, runs: ReceiptRun[]): void {
    for (const [, publishes, firstSeq, messagesEach] of runs) {
      const settled = this.#pending.splice(0, publishes);
      settled.forEach((pending, index) => {
        pending.resolve({ log, firstSeq: firstSeq + index * messagesEach });
      });
    }
  }

  refused(_number: number, error: StorageError | ProtocolError): void {
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}
