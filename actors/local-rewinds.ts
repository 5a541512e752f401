import type { RewindHostProtocol } from './rewind-host.js';
import type { OpenRewind, RewindReceiver, Rewinds } from './rewinds.js';
import type { Ref } from './runtime/index.js';

const openMs = 10_000;

/** Rewinds of the RewindHost in this process. */
export class LocalRewinds implements Rewinds {
  readonly #host: Ref<RewindHostProtocol>;
  #size = 0;

  constructor(host: Ref<RewindHostProtocol>) {
    this.#host = host;
  }

  get size(): number {
    return this.#size;
  }

  async open(log: number, receiver: RewindReceiver): Promise<OpenRewind> {
    const rewind = await this.#host.ask('open', { log, receiver }, { timeoutMs: openMs });
    this.#size += 1;
    return {
      read: (from) => rewind.read(from),
      close: () => {
        this.#size -= 1;
        rewind.close();
      },
    };
  }
}
