import { ProtocolError, readPublish } from '../protocol/index.js';
import type { Connection } from './connection.js';
import type { OpenPublisher, Origin, PublisherLogin } from './origin.js';
import { type PublishBudget, PublishWindow } from './publish-window.js';
import type { PublishAnswer, PublisherOwner } from './publisher.js';

/** What one connection publishes: the owner of its publisher, and the window that stops it from being read too far. */
export class Publishing implements PublisherOwner {
  readonly #connection: Connection;
  readonly #budget: PublishBudget;
  readonly #window: PublishWindow;
  readonly #budgetFreed = () => this.#readOn();
  #id = '';
  #publisher: OpenPublisher | undefined;

  constructor(connection: Connection, budget: PublishBudget) {
    this.#connection = connection;
    this.#budget = budget;
    this.#window = new PublishWindow(budget);
  }

  /**
   * Log the publisher in.
   * @returns its last number on record; 0 when there is none
   */
  async open(origin: Origin, login: PublisherLogin): Promise<number> {
    this.#id = login.publisher;
    const publisher = await origin.openPublisher(login, this);
    if (this.#connection.closing) publisher.close();
    else this.#publisher = publisher;
    return publisher.published;
  }

  /** @throws ProtocolError when the frame is no publish */
  publish(frame: Buffer): void {
    const publish = readPublish(frame);
    this.#window.admit(publish.number, publish.payloads.bytes.length);
    this.#publisher!.publish(publish);
    if (this.#window.full || this.#budget.full) this.#connection.pause('window');
    if (this.#budget.full) this.#budget.wait(this.#budgetFreed);
  }

  /** The connection is gone; what it published is still written. */
  close(): void {
    this.#budget.forget(this.#budgetFreed);
    this.#window.close();
    this.#publisher?.close();
  }

  answer(answer: PublishAnswer): void {
    this.#window.answered(answer);
    if (answer.type === 'REFUSED') this.#connection.refused(answer.code, answer.message);
    this.#connection.send(answer);
    this.#readOn();
  }

  dropped(first: number, last: number): void {
    this.#window.dropped(first, last);
    this.#readOn();
  }

  gone(): boolean {
    return this.#connection.closing;
  }

  takenOver(): void {
    const message = `another connection logged in as publisher ${this.#id}`;
    this.#connection.fail(new ProtocolError('ERR_PUBLISHER_TAKEN_OVER', message));
  }

  #readOn(): void {
    if (this.#window.full) return;
    if (this.#budget.full) this.#budget.wait(this.#budgetFreed);
    else this.#connection.resume('window');
  }
}
