import { ProtocolError } from '../protocol/index.js';
import type { Store } from '../storage/index.js';
import type { OpenPublisher, PublisherLogin } from './origin.js';
import { Publisher, type PublisherOwner, type PublishTarget, stronger } from './publisher.js';
import { Mailbox } from './runtime/index.js';

/** What {@link SessionPublishers} work with. */
export interface SessionPublishersOptions {
  store: Pick<Store, 'durability' | 'unavailable' | 'publisher'>;
  source: string;
  /** Where publishes go at the moment. */
  target: () => PublishTarget;
  /** Why a publisher may not publish now; absent: everybody may. */
  refusal?: ((publisher: string) => ProtocolError | undefined) | undefined;
}

/** The publishers of a source that are logged in, or have something in flight. They stay as they are when it is rolled. */
export class SessionPublishers {
  readonly #options: SessionPublishersOptions;
  readonly #publishers = new Map<string, Publisher>();
  readonly #logins = new Mailbox('the logins of a Session');

  constructor(options: SessionPublishersOptions) {
    this.#options = options;
  }

  /** Those that have published something. */
  get size(): number {
    return [...this.#publishers.values()].filter(({ lastNumber }) => lastNumber > 0).length;
  }

  /** One login after the other, so that the last one to come has the publisher. */
  open(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    return this.#logins.run(() => this.#logIn(login, owner));
  }

  async #logIn({ publisher: id, durability }: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher> {
    const refusal = this.#options.refusal?.(id);
    if (refusal) throw refusal;
    const publisher = await this.#settled(id);
    if (owner.gone()) throw new ProtocolError('ERR_BUSY', `publisher ${id} has gone while it was logged in`);
    publisher.own(owner, stronger(durability, this.#options.store.durability));
    this.#publishers.set(id, publisher);
    return {
      published: publisher.lastNumber,
      publish: (publish) => publisher.publish(owner, publish),
      close: () => {
        publisher.disown(owner);
        void publisher.settled().then(() => this.#forgetIdle(id));
      },
    };
  }

  /** The one of that id, with nothing in flight and a record that is as the disk's. */
  async #settled(id: string): Promise<Publisher> {
    const known = this.#publishers.get(id);
    known?.takeOver();
    await known?.settled();
    if (known && !known.unknown) return known;
    const { store, source, target, refusal: refuses } = this.#options;
    const refusal = store.unavailable();
    if (refusal?.code === 'ERR_STORAGE_UNAVAILABLE')
      throw new ProtocolError('ERR_STORAGE_UNAVAILABLE', refusal.message);
    return new Publisher(await store.publisher(source, id), target, () => refuses?.(id));
  }

  /** Its record is on disk. */
  #forgetIdle(id: string): void {
    if (this.#publishers.get(id)?.idle) this.#publishers.delete(id);
  }
}
