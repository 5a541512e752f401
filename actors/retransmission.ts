import { blockBody, blockLastSeq, retransmissionHeader, splitBlocks } from '../protocol/index.js';
import type { Page } from '../storage/index.js';
import { contiguousStretches } from './contiguous-blocks.js';
import type { Outlet } from './outlet.js';

/**
 * The answer to a rerequest: a bounded range of a log, unicast as RETRANSMISSION frames, while the connection's
 * subscriptions go on. It waits whenever the client does not take what it was sent.
 */
export class Retransmission {
  readonly #request: number;
  readonly #from: number;
  readonly #to: number;
  readonly #read: (from: number) => Promise<Page>;
  readonly #outlet: Outlet;
  #next: number;
  #messages = 0;
  #stopped = false;
  #wake: (() => void) | undefined;

  /** @param read reads the page of the range that starts at a number */
  constructor(request: number, from: number, to: number, read: (from: number) => Promise<Page>, outlet: Outlet) {
    this.#request = request;
    this.#from = this.#next = from;
    this.#to = to;
    this.#read = read;
    this.#outlet = outlet;
  }

  /** Resolves when the range was sent, or the client has gone; rejects when it cannot be read. */
  async run(): Promise<void> {
    while (this.#next <= this.#to) {
      await this.#room();
      if (this.#stopped) return;
      const page = await this.#read(this.#next);
      if (this.#stopped) return;
      this.#send(page);
    }
    const [request, from, to, messages] = [this.#request, this.#from, this.#to, this.#messages];
    this.#outlet.send({ type: 'RETRANSMITTED', request, from, to, messages });
  }

  /** The client took what it was sent. */
  drained(): void {
    this.#wake?.();
  }

  /** The client has gone. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #room(): Promise<void> {
    while (!this.#outlet.hasRoom && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #send(page: Page): void {
    const frames: Buffer[] = [];
    const contiguous = contiguousStretches('retransmission', page.stretches, this.#next, this.#to);
    for (const block of contiguous.flatMap((bytes) => splitBlocks(bytes).blocks)) {
      frames.push(retransmissionHeader(block, this.#request), blockBody(block));
      const next = blockLastSeq(block) + 1;
      this.#messages += next - this.#next;
      this.#next = next;
    }
    this.#outlet.write(frames);
    if (page.lost && this.#next <= this.#to) this.#lose(page.lost);
  }

  #lose({ to, reason }: NonNullable<Page['lost']>): void {
    const last = Math.min(to, this.#to);
    this.#outlet.send({ type: 'LOST', request: this.#request, from: this.#next, to: last, reason });
    this.#next = last + 1;
  }
}
