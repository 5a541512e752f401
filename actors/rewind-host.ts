import type { Page } from '../storage/index.js';
import { connectLink } from './link/connect-link.js';
import type { Link } from './link/link.js';
import { pageMessage, pageOf } from './link/page-message.js';
import RewindActor from './rewind.js';
import type { OpenRewind, RewindReceiver } from './rewinds.js';
import { Actor, type Behaviour } from './runtime/index.js';

/** What a RewindHost understands. */
export type RewindHostProtocol = {
  /** Open a rewind for a subscription in the same process. */
  open: [{ log: number; receiver: RewindReceiver }, OpenRewind];
  /** Answered at once by a process that is alive. */
  ping: [Record<string, never>, void];
};

/** Where a RewindHost reads: in the process that has the log, or from it over the data socket. */
export type RewindHostParameters =
  | { read: (log: number, from: number) => Promise<Page> }
  | { dataSocket: string; token: string };

/**
 * Hosts the Rewinds of a process. In a fork of its own it takes orders and sends pages over the data socket, so that a
 * rewind that brings its process down takes no subscription along.
 */
export default class RewindHostActor
  extends Actor<RewindHostParameters, RewindHostProtocol>
  implements Behaviour<RewindHostProtocol>
{
  readonly #orders = new Map<number, Promise<OpenRewind>>();
  #read!: (log: number, from: number) => Promise<Page>;

  override async onStart(): Promise<void> {
    const { parameters } = this;
    if ('read' in parameters) this.#read = parameters.read;
    else await this.#serve(parameters.dataSocket, parameters.token);
  }

  async open({ log, receiver }: { log: number; receiver: RewindReceiver }): Promise<OpenRewind> {
    const rewind = await this.spawn(
      { actor: RewindActor },
      {
        name: 'Rewind',
        parameters: {
          source: (from) => this.#read(log, from),
          deliver: (page) => receiver.page(page),
          failed: (error) => receiver.failed(error),
        },
      },
    );
    return {
      read: (from) => rewind.tell('read', { from }),
      close: () => void rewind.stop(),
    };
  }

  ping(): void {}

  /** Orders come as notices: open, read, close, each with the rewind's number. */
  async #serve(dataSocket: string, token: string): Promise<void> {
    await connectLink(dataSocket, token, 'RewindHost', (link) => {
      this.#read = async (log, from) => pageOf(await link.call('read', { log, from }));
      return ({ topic, fields }) => this.#order(link, topic, fields as { rewind: number; log: number; from: number });
    });
  }

  #order(link: Link, topic: string, { rewind, log, from }: { rewind: number; log: number; from: number }): void {
    const opened = this.#orders.get(rewind);
    switch (topic) {
      case 'open':
        this.#orders.set(rewind, this.open({ log, receiver: remoteReceiver(link, rewind) }));
        return;
      case 'read':
        void opened?.then((open) => open.read(from));
        return;
      case 'close':
        this.#orders.delete(rewind);
        void opened?.then((open) => open.close());
    }
  }
}

function remoteReceiver(link: Link, rewind: number): RewindReceiver {
  return {
    page: (page) => {
      const { fields, blocks } = pageMessage(page, 0);
      link.notify('page', { rewind, ...fields }, blocks);
    },
    failed: (error) => link.notify('failed', { rewind, message: error.message }),
  };
}
