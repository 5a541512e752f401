import type { MessageBlock } from '../client/index.js';
import { blockPayloadBytesMax, limits } from '../protocol/index.js';

/** Consecutive messages that fit one block. */
export interface RelayedMessages {
  firstSeq: number;
  payloads: Uint8Array[];
}

type Next = IteratorResult<MessageBlock<Uint8Array>, undefined>;

const notYet = Promise.resolve(undefined);

/** The blocks of a subscription; those that have come while the ones before were written are put together. */
export class RelayedBlocks implements AsyncIterable<RelayedMessages> {
  readonly #blocks: AsyncIterator<MessageBlock<Uint8Array>, undefined>;
  #next: Promise<Next>;

  constructor(blocks: AsyncIterator<MessageBlock<Uint8Array>, undefined>) {
    this.#blocks = blocks;
    this.#next = blocks.next();
    this.#next.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RelayedMessages, void, undefined> {
    for (let next = await this.#next; !next.done; next = await this.#next) {
      const messages: RelayedMessages = { firstSeq: next.value.nextSeq, payloads: [] };
      let bytes = 0;
      for (let come: Next | undefined = next; come && !come.done; come = await this.#come()) {
        const block = come.value;
        const count = messages.payloads.length;
        const fits = bytes + block.bytes <= blockPayloadBytesMax && count + block.remaining <= limits.blockMessagesMax;
        if (count > 0 && !(fits && block.nextSeq === messages.firstSeq + count)) break;
        bytes += block.bytes;
        for (const { payload } of block) messages.payloads.push(payload);
        this.#next = this.#blocks.next();
        this.#next.catch(() => {});
      }
      yield messages;
    }
  }

  /** The next block if it is there already; the end, or a failure, is for the next round. */
  async #come(): Promise<Next | undefined> {
    return Promise.race([this.#next, notYet]).catch(() => undefined);
  }
}
