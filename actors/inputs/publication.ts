import { encodePayloads, ProtocolError } from '../../protocol/index.js';
import { blockBatches } from '../block-batches.js';
import type { PublishAnswer, PublisherOwner } from '../publisher.js';
import type { Ref } from '../runtime/index.js';
import type { SessionProtocol } from '../session.js';

/** What somebody outside publishes through an input. */
export interface Publication {
  messages: Buffer[];
  /** What makes a repeat known as one: it is answered as the first one was, and nothing is written again. */
  once?: string | undefined;
  /** Why the session is to end behind it. */
  endOfDay?: string | undefined;
}

/** Where its messages are. */
export interface Published {
  messages: number;
  /** In order; more than one when others published, or the session was rolled, while they were written. */
  ranges: { session: string; firstSeq: number; lastSeq: number }[];
}

const askMs = 60_000;

/**
 * Publish through a Session, in as many blocks as it takes; resolves when all is durable. Without `once`, a part may have
 * been written when it fails.
 * @param publisher as whom, when it has a key: a record of it is kept as of any publisher
 */
export async function publishTo(
  session: Ref<SessionProtocol>,
  source: string,
  publisher: string | undefined,
  messages: readonly Buffer[],
): Promise<Published> {
  const batches = blockBatches(messages);
  const ranges: Published['ranges'] =
    publisher === undefined
      ? await Promise.all(batches.map((payloads) => publishBatch(session, payloads)))
      : await new OncePublisher(batches).publish(session, source, publisher);
  return { messages: messages.length, ranges: ranges.reduce(joined, []) };
}

async function publishBatch(session: Ref<SessionProtocol>, payloads: Uint8Array[]): Promise<Published['ranges'][0]> {
  const { session: name, firstSeq, count } = await session.ask('publish', { payloads }, { timeoutMs: askMs });
  return { session: name, firstSeq, lastSeq: firstSeq + count - 1 };
}

/** Batches numbered 1, 2, 3… of a publisher of their own: whoever sends them again gets the answers of the first time. */
class OncePublisher implements PublisherOwner {
  readonly #batches: Uint8Array[][];
  readonly #ranges: Published['ranges'] = [];
  readonly #done: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #acknowledged = 0;

  constructor(batches: Uint8Array[][]) {
    this.#batches = batches;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  async publish(session: Ref<SessionProtocol>, source: string, publisher: string): Promise<Published['ranges']> {
    const login = { source, publisher, durability: 'os' } as const;
    const open = await session.ask('openPublisher', { login, owner: this }, { timeoutMs: askMs });
    try {
      for (const [index, batch] of this.#batches.entries()) {
        open.publish({ number: index + 1, session: '', payloads: encodePayloads(batch), frame: Buffer.alloc(0) });
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
