import type { Durability, Payloads, ProtocolError, ReceiptRun } from '../protocol/index.js';
import type { Log, StorageError } from '../storage/index.js';
import type { Producer, PublishQueue } from './publish-queue.js';

interface Pending {
  number: number;
  resolve(firstSeq: number): void;
  reject(error: unknown): void;
}

/** Publishes of the server's own process: no receipt is kept, since they end with it. */
export class LocalProducer implements Producer {
  #pending: Pending[] = [];
  #lastNumber = 0;

  /**
   * Queue payloads; resolves with their first sequence number when they are durable.
   * @throws ProtocolError `ERR_BUSY`; StorageError when they were not written
   */
  publish(queue: PublishQueue, payloads: Payloads, durability: Durability): Promise<number> {
    return new Promise((resolve, reject) => {
      const number = this.#lastNumber + 1;
      queue.push({ producer: this, number, payloads, durability });
      this.#lastNumber = number;
      this.#pending.push({ number, resolve, reject });
    });
  }

  receipt(): undefined {
    return undefined;
  }

  acknowledged(_log: Log, runs: ReceiptRun[]): void {
    for (const [, publishes, firstSeq, messagesEach] of runs) {
      const settled = this.#pending.splice(0, publishes);
      settled.forEach((pending, index) => {
        pending.resolve(firstSeq + index * messagesEach);
      });
    }
  }

  refused(_number: number, error: StorageError | ProtocolError): void {
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}
