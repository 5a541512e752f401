import type { Page } from '../storage/index.js';
import { Actor, type Behaviour } from './runtime/index.js';

/** What a Rewind understands. */
export type RewindProtocol = {
  /** Read the page that starts at `from` and deliver it. */
  read: [{ from: number }, void];
};

/** What a Rewind is made of. */
export interface RewindParameters {
  /** Reads a page of the log. */
  source: (from: number) => Promise<Page>;
  deliver: (page: Page) => void;
  failed: (error: Error) => void;
}

/** Streams a log from storage for one subscription, page by page, as fast as that subscription asks for them. */
export default class RewindActor extends Actor<RewindParameters, RewindProtocol> implements Behaviour<RewindProtocol> {
  #stopped = false;

  async read({ from }: { from: number }): Promise<void> {
    const { source, deliver, failed } = this.parameters;
    try {
      const page = await source(from);
      if (!this.#stopped) deliver(page);
    } catch (error) {
      if (!this.#stopped) failed(error as Error);
    }
  }

  override onStop(): void {
    this.#stopped = true;
  }
}
