import { strict as assert } from 'node:assert';
import { encodePayloads, ProtocolError } from '../../protocol/index.js';
import { blockBatches } from '../block-batches.js';
import type { PublishAnswer, PublisherOwner } from '../publisher.js';
import type { Ref } from '../runtime/index.js';
import type { SessionProtocol } from '../session.js';

/** What somebody outside publishes through an input. */
export interface Publication {
  messages: Buffer[];
  /** What makes a repeat known as one: it is answered as the first one was, and nothing is written again. */
  once?: Once | undefined;
}

/** A publication that is written once, however often it is asked for. */
export interface Once {
  key: string;
  /** Of what is published, in hexadecimal: under one key, one content. */
  digest: string;
}

/** The key was used for something else before. */
export class OtherContentError extends Error {
  override readonly name = 'OtherContentError';
}

/** Where its messages are. */
export interface Published {
  messages: number;
  /** In order; more than one when others published, or the session was rolled, while they were written. */
  ranges: { session: string; firstSeq: number; lastSeq: number }[];
}

const askMs = 60_000;

/** A publisher that is there for one publication. */
export interface OneTimePublisher {
  publisher: string;
  /** Of what it publishes. */
  digest: string;
}

/** More publishes than any publication is cut into. */
const publishesMax = 2 ** 13;

/**
 * Publish through a Session, in as many blocks as it takes; resolves when all is durable. Without `once`, a part may have
 * been written when it fails.
 * @param once as whom, when it has a key: a record of it is kept as of any publisher
 * @throws OtherContentError
 */
export async function publishTo(
  session: Ref<SessionProtocol>,
  source: string,
  once: OneTimePublisher | undefined,
  messages: readonly Buffer[],
): Promise<Published> {
  const batches = blockBatches(messages);
  const ranges: Published['ranges'] =
    once === undefined
      ? await Promise.all(batches.map((payloads) => publishBatch(session, payloads)))
      : await new OncePublisher(batches, once).publish(session, source);
  return { messages: messages.length, ranges: ranges.reduce(joined, []) };
}

async function publishBatch(session: Ref<SessionProtocol>, payloads: Uint8Array[]): Promise<Published['ranges'][0]> {
  const { session: name, firstSeq, count } = await session.ask('publish', { payloads }, { timeoutMs: askMs });
  return { session: name, firstSeq, lastSeq: firstSeq + count - 1 };
}

/**
 * Batches of a publisher of their own: whoever sends them again gets the answers of the first time. Their numbers follow
 * from what is in them, and are written with them: a record of other numbers is one of something else.
 */
class OncePublisher implements PublisherOwner {
  readonly #batches: Uint8Array[][];
  readonly #publisher: string;
  readonly #firstNumber: number;
  readonly #ranges: Published['ranges'] = [];
  readonly #done: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #acknowledged = 0;

  constructor(batches: Uint8Array[][], { publisher, digest }: OneTimePublisher) {
    assert(batches.length < publishesMax, `${batches.length} publishes of one publication`);
    this.#batches = batches;
    this.#publisher = publisher;
    // 40 bits of the digest: a number of 53 bits.
    this.#firstNumber = Number.parseInt(digest.slice(0, 10), 16) * publishesMax + 1;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  async publish(session: Ref<SessionProtocol>, source: string): Promise<Published['ranges']> {
    const login = { source, publisher: this.#publisher, durability: 'os' } as const;
    const open = await session.ask('openPublisher', { login, owner: this }, { timeoutMs: askMs });
    try {
      const first = this.#firstNumber;
      const isOther = open.published < first || open.published >= first + this.#batches.length;
      if (open.published !== 0 && isOther) throw new OtherContentError('another content was written with this key');
      for (const [index, batch] of this.#batches.entries()) {
        open.publish({ number: first + index, session: '', payloads: encodePayloads(batch), frame: Buffer.alloc(0) });
      }
      await this.#done;
    } finally {
      open.close();
    }
    return this.#ranges;
  }

  answer(answer: PublishAnswer): void {
    if (answer.type === 'REFUSED') return this.#reject(new ProtocolError(answer.code, answer.message));
    const { session, runs } = answer;
    for (const [, publishes, firstSeq, messagesEach] of runs) {
      this.#ranges.push({ session, firstSeq, lastSeq: firstSeq + publishes * messagesEach - 1 });
      this.#acknowledged += publishes;
    }
    if (this.#acknowledged === this.#batches.length) this.#resolve();
  }

  dropped(): void {}

  takenOver(): void {
    this.#reject(new ProtocolError('ERR_PUBLISHER_TAKEN_OVER', 'the same was posted again before it was on record'));
  }

  gone(): boolean {
    return false;
  }
}

function joined(ranges: Published['ranges'], next: Published['ranges'][0]): Published['ranges'] {
  const last = ranges[ranges.length - 1];
  if (last?.session !== next.session || last.lastSeq + 1 !== next.firstSeq) return [...ranges, next];
  return [...ranges.slice(0, -1), { ...last, lastSeq: next.lastSeq }];
}
