import { encodePayloads, type ProtocolError } from '../../protocol/index.js';
import { type InputPosition, type JsonValue, type Log, positionWrite, type Store } from '../../storage/index.js';
import { LocalProducer } from '../local-producer.js';
import type { PublishQueue } from '../publish-queue.js';
import { Mailbox } from '../runtime/index.js';
import { InputError } from './input-error.js';

/** One batch of an input, and how far the input is behind it. */
export interface Feed {
  /** Name of the input. */
  input: string;
  /** They fit one block; none when only the position has changed. */
  payloads: Uint8Array[];
  position: JsonValue;
  /** Number of this batch: one more than that of the last one on record. */
  batch: number;
  /** Why the session is to end behind it. */
  endOfDay?: string | undefined;
  /** The number of its first message, when the input continues a numbering: what is between is announced as lost. */
  firstSeq?: number | undefined;
}

/** Where the messages of a batch are. */
export interface Fed {
  session: string;
  firstSeq: number;
  count: number;
}

/** What inputs feed. */
export interface FeedTarget {
  store: Pick<Store, 'committer' | 'durability' | 'inputPosition' | 'reachedWrite'>;
  /** The log there is at the moment, and the queue in front of it. */
  active(): { log: Log; queue: PublishQueue };
  /** Why nothing can be written now. */
  refusal(): Error | ProtocolError | undefined;
}

/** The batches of all inputs of a session: one of each input at a time, its messages and its position in one write. */
export class InputFeeds {
  readonly #target: FeedTarget;
  readonly #local = new LocalProducer();
  /** By name of the input: what is asked after a batch is answered when it is settled. */
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(target: FeedTarget) {
    this.#target = target;
  }

  /** How far an input is. */
  position(input: string): Promise<InputPosition | undefined> {
    const { active, store } = this.#target;
    return this.#mailbox(input).run(() => store.inputPosition(active().log.source, input));
  }

  /**
   * Write a batch.
   * @throws ProtocolError, StorageError why it was not written, or that nobody can tell (`ERR_OUTCOME_UNKNOWN`);
   *   InputError `ERR_INPUT_NUMBERS`
   */
  feed(feed: Feed): Promise<Fed> {
    return this.#mailbox(feed.input).run(() => this.#write(feed));
  }

  async #write({ input, payloads, firstSeq, position, batch, endOfDay }: Feed): Promise<Fed> {
    const { store, active, refusal } = this.#target;
    const refused = refusal();
    if (refused) throw refused;
    if (firstSeq !== undefined) await this.#continueAt(firstSeq);
    const along = (log: Log) =>
      positionWrite(log.source, input, {
        batches: batch,
        session: log.session,
        position,
        ...(endOfDay !== undefined && { endOfDay }),
      });
    if (payloads.length === 0) {
      const { log } = active();
      // With no message behind them, numbers that were skipped would be forgotten.
      const reached = firstSeq === undefined ? [] : [store.reachedWrite(log)];
      await store.committer.write([along(log), ...reached], store.durability);
      return { session: log.session, firstSeq: log.nextSeq, count: 0 };
    }
    const { log, firstSeq: first } = await this.#local.publish(
      active().queue,
      encodePayloads(payloads),
      store.durability,
      along,
    );
    return { session: log.session, firstSeq: first, count: payloads.length };
  }

  /** Nobody else publishes into such a session, so its queue is empty behind the batch before. */
  async #continueAt(firstSeq: number): Promise<void> {
    const { log, queue } = this.#target.active();
    await queue.flushed();
    if (firstSeq > log.nextSeq) log.skipTo(firstSeq);
    if (firstSeq === log.nextSeq) return;
    const message = `session ${log.session} of source ${log.source} goes on at ${log.nextSeq}, its relay at ${firstSeq}: it holds messages that are not the relay's; give the relay a source of its own`;
    throw new InputError('ERR_INPUT_NUMBERS', message);
  }

  #mailbox(input: string): Mailbox {
    const known = this.#mailboxes.get(input);
    if (known) return known;
    const mailbox = new Mailbox(`the feeds of input ${input}`);
    this.#mailboxes.set(input, mailbox);
    return mailbox;
  }
}
