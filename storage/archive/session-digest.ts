import { createHash } from 'node:crypto';
import { blockFirstSeq, blockLastSeq, blockPayloads } from '../../protocol/index.js';
import type { SessionFindings } from '../catalogue.js';
import type { Loss } from '../page.js';
import type { SessionPart } from './session-part.js';

/** So many ranges of lost messages are listed; the count has all of them. */
const lossesMax = 100;

/** How many messages are lost, and where the first of them are. */
export function lossesOf(all: readonly Loss[]): { lost: number; losses: Loss[] } {
  return { lost: all.reduce((sum, { from, to }) => sum + to - from + 1, 0), losses: all.slice(0, lossesMax) };
}

/**
 * The digest of a session: SHA-256 over its payloads, back to back, as they are encoded in its blocks (msgpack `bin`
 * values). Nothing of a block but its payloads goes into it, so how the session was cut into blocks does not matter, nor
 * which log it is, when it was published, or whether it was archived and restored meanwhile.
 */
export class SessionDigest {
  readonly #hash = createHash('sha256');
  readonly #losses: Loss[] = [];
  #bytes = 0;
  #messages = 0;

  /** Messages so far. */
  get messages(): number {
    return this.#messages;
  }

  /** Take in the next part of the session. */
  add({ blocks, lost }: SessionPart): void {
    for (const block of blocks) {
      this.#hash.update(blockPayloads(block).bytes);
      this.#bytes += block.length;
      this.#messages += blockLastSeq(block) - blockFirstSeq(block) + 1;
    }
    if (lost) this.#losses.push(lost);
  }

  /** What there was, to be called once. */
  result(): SessionFindings {
    const digest = this.#hash.digest('hex');
    return { bytes: this.#bytes, digest, ...lossesOf(this.#losses) };
  }
}
