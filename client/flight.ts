import { encodePayloads, encodePublishHeader, type Payloads, type ServerMessage } from '../protocol/index.js';
import type { LatecomerError } from './errors.js';
import type { Publication } from './publication.js';

type Acknowledged = Extract<ServerMessage, { type: 'ACKNOWLEDGED' }>;

/** One PUBLISH frame and the publications that share it. */
interface PublishFrame {
  session: string;
  payloads: Payloads;
  publications: Publication[];
  done: boolean;
}

/**
 * The PUBLISH frames that are numbered but not acknowledged. Their numbers are consecutive; the first `sent` of them
 * have been written to this connection, the rest are to be written again.
 */
export class Flight {
  #frames: PublishFrame[] = [];
  #firstNumber = 1;
  #bytes = 0;
  sent = 0;

  get length(): number {
    return this.#frames.length;
  }

  /** Bytes of the payloads of all frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the first frame; of the next one to be added when there is none. */
  get firstNumber(): number {
    return this.#firstNumber;
  }

  /** Number the frames anew from here. Only right when none of them is on the server's record under its old number. */
  renumber(firstNumber: number): void {
    this.#firstNumber = firstNumber;
  }

  /** Give publications a frame and the next number; payloads are copied into it. */
  add(publications: Publication[]): void {
    const payloads = encodePayloads(publications.flatMap((publication) => publication.payloads));
    this.#frames.push({ session: publications[0]!.session, payloads, publications, done: false });
    this.#bytes += payloads.bytes.length;
  }

  /** Whether a frame waits to be written. */
  get unsent(): boolean {
    return this.sent < this.#frames.length;
  }

  /** The parts of the next frame to write, which then counts as sent. */
  takeUnsent(): [header: Buffer, payloads: Buffer] {
    const { session, payloads } = this.#frames[this.sent]!;
    const number = this.#firstNumber + this.sent;
    this.sent += 1;
    return [encodePublishHeader(number, session, payloads), payloads.bytes];
  }

  /**
   * Resolve the publications of acknowledged frames. Only frames that a run names are done: that a number is durable
   * does not yet say where its messages are.
   */
  acknowledge(answer: Acknowledged): void {
    for (const [firstNumber, publishes, firstSeq, messagesEach] of answer.runs) {
      const start = Math.max(firstNumber, this.#firstNumber);
      const end = Math.min(firstNumber + publishes, this.#firstNumber + this.#frames.length);
      for (let number = start; number < end; number += 1) {
        const frame = this.#frames[number - this.#firstNumber]!;
        if (!frame.done) resolveAll(frame, answer, firstSeq + (number - firstNumber) * messagesEach);
      }
    }
    let done = 0;
    while (this.#frames[done]?.done) done += 1;
    if (done > 0) this.#dropFirst(done);
    this.#firstNumber += done;
  }

  /** The first frame fails; the ones after it move down by one number and are all to be sent again. */
  failFirst(error: LatecomerError): void {
    const frame = this.#frames[0]!;
    this.#dropFirst(1);
    this.sent = 0;
    for (const publication of frame.publications) publication.reject(error);
  }

  /** Everything fails. */
  failAll(error: LatecomerError): void {
    while (this.#frames.length > 0) this.failFirst(error);
  }

  #dropFirst(count: number): void {
    for (const frame of this.#frames.splice(0, count)) this.#bytes -= frame.payloads.bytes.length;
    this.sent = Math.max(0, this.sent - count);
  }
}

function resolveAll(frame: PublishFrame, answer: Acknowledged, frameSeq: number): void {
  const { session, epoch, durability } = answer;
  frame.done = true;
  let firstSeq = frameSeq;
  for (const publication of frame.publications) {
    const count = publication.payloads.length;
    if (!publication.settled) publication.resolve({ session, epoch, firstSeq, count, durability });
    firstSeq += count;
  }
}
