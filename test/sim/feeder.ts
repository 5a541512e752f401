import { strict as assert } from 'node:assert';
import type { ServerMessage } from '../../protocol/index.js';
import { publishFrame } from '../support/frames.js';
import { Wire } from '../support/wire.js';
import { messageText } from './reader.js';

const beatMs = 10;
/** Publishes that may wait for their acknowledgement. */
const inFlightMax = 200;
const messagesEach = 25;

/** Publishes messages 1, 2, 3… over the wire, at a rate, never more than a window ahead of the acknowledgements. */
export class Feeder {
  /** Last message that was acknowledged. */
  acknowledged = 0;
  failure: Error | undefined;
  readonly #moved: () => void;
  #wire!: Wire;
  #sent = 0;
  #publishes = 0;
  #publishesAcknowledged = 0;
  #target = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param moved called whenever something was acknowledged */
  constructor(moved: () => void) {
    this.#moved = moved;
  }

  async login(port: number): Promise<void> {
    this.#wire = await Wire.open(port, { client: 'feeder', publisher: 'feeder' }, { message: (it) => this.#heard(it) });
  }

  /** Publish up to message `last`, so many of them a second. */
  publish(last: number, perSecond: number): void {
    const startedMs = performance.now();
    const before = this.#sent;
    this.#target = last;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      const due = before + Math.floor(((performance.now() - startedMs) * perSecond) / 1_000);
      this.#send(Math.min(due, this.#target));
    }, beatMs);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#wire?.close();
  }

  #send(due: number): void {
    while (this.#sent < due && this.#publishes - this.#publishesAcknowledged < inFlightMax) {
      const count = Math.min(messagesEach, due - this.#sent);
      const texts = Array.from({ length: count }, (_, index) => Buffer.from(messageText(this.#sent + 1 + index)));
      this.#publishes += 1;
      this.#wire.send(publishFrame(this.#publishes, texts));
      this.#sent += count;
    }
    if (this.#sent === this.#target) clearInterval(this.#timer);
  }

  #heard(message: ServerMessage): void {
    try {
      if (message.type === 'ACKNOWLEDGED') this.#acknowledge(message);
      else assert(message.type === 'LOGGED_IN' || message.type === 'HEARTBEAT', `got ${JSON.stringify(message)}`);
    } catch (error) {
      this.failure ??= error as Error;
    }
    this.#moved();
  }

  #acknowledge({ number, runs }: ServerMessage & { type: 'ACKNOWLEDGED' }): void {
    for (const [firstNumber, publishes, firstSeq, each] of runs) {
      assert.equal(firstNumber, this.#publishesAcknowledged + 1, 'acknowledgements are not consecutive');
      assert.equal(firstSeq, this.acknowledged + 1, 'numbers are not consecutive');
      this.#publishesAcknowledged += publishes;
      this.acknowledged += publishes * each;
    }
    assert.equal(this.#publishesAcknowledged, number);
  }
}
