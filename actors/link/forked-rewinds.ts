import type { OpenRewind, RewindReceiver, Rewinds } from '../rewinds.js';
import type { Link, LinkMessage } from './link.js';
import { pageOf } from './page-message.js';

/**
 * Rewinds of the RewindHost in a fork, over its link. While the fork is being restarted whoever opens one waits: that is
 * for its supervisor to limit, and must not use up the restarts of each rewind.
 */
export class ForkedRewinds implements Rewinds {
  readonly #receivers = new Map<number, RewindReceiver>();
  #link: Link | undefined;
  #waiting: (() => void)[] = [];
  #lastRewind = 0;

  get size(): number {
    return this.#receivers.size;
  }

  /** The fork is there. The one before it may not be gone yet, when it hangs: nothing is expected of it any more. */
  connected(link: Link): void {
    if (this.#link) this.disconnected(this.#link, new Error('the process that hosts rewinds was replaced'));
    this.#link = link;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The fork is gone: everything open has failed, and is opened again by its subscription's supervisor. */
  disconnected(link: Link, error: Error): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    const receivers = [...this.#receivers.values()];
    this.#receivers.clear();
    for (const receiver of receivers) receiver.failed(error);
  }

  async open(log: number, receiver: RewindReceiver): Promise<OpenRewind> {
    const link = await this.#connection();
    const rewind = ++this.#lastRewind;
    this.#receivers.set(rewind, receiver);
    link.notify('open', { rewind, log });
    return {
      read: (from) => link.notify('read', { rewind, from }),
      close: () => {
        if (this.#receivers.delete(rewind)) link.notify('close', { rewind });
      },
    };
  }

  /** It may be gone again when those who have waited get their turn. */
  async #connection(): Promise<Link> {
    while (!this.#link) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#link;
  }

  /** A notice of the fork: a page, or a failure. */
  notice({ topic, fields, blocks }: LinkMessage): void {
    const { rewind, ...rest } = fields as { rewind: number };
    const receiver = this.#receivers.get(rewind);
    if (topic === 'page') receiver?.page(pageOf({ fields: rest, blocks }));
    else if (topic === 'failed') receiver?.failed(new Error(String((rest as { message?: string }).message)));
  }
}
