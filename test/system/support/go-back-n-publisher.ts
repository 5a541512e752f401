import type { Durability, ServerMessage } from '../../../protocol/index.js';
import { eventually, within } from '../../support/deadline.js';
import { ConnectionEnded, RawClient } from './raw-client.js';

type Acknowledged = Extract<ServerMessage, { type: 'ACKNOWLEDGED' }>;
type Refused = Extract<ServerMessage, { type: 'REFUSED' }>;

/** What one publish was acknowledged with. */
export interface Receipt {
  session: string;
  epoch: string;
  firstSeq: number;
  count: number;
  durability: Durability;
}

/** How to publish. */
export interface PublisherOptions {
  port: number;
  publisher: string;
  /** Publishes under way at the most. @defaultValue 32 */
  window?: number;
  /** Messages in each publish. @defaultValue 3 */
  messagesEach?: number;
  /** Bytes of each message at the least; it is filled up behind its text. @defaultValue 0 */
  bytesEach?: number;
  durability?: Durability;
}

/** Pause before a refused publish is sent again. */
const retryMs = 50;

/**
 * A publisher that numbers its publishes 1, 2, 3…, connects again whenever its connection breaks, and sends again, in
 * order, whatever has no receipt. It notes every receipt and finds fault with one that contradicts an earlier one.
 */
export class GoBackNPublisher {
  /** By publish number. */
  readonly receipts = new Map<number, Receipt>();
  readonly refusals: Refused[] = [];
  /** Publishes that were sent more than once. */
  resent = 0;
  connections = 0;
  readonly #options: Required<Omit<PublisherOptions, 'durability'>> & Pick<PublisherOptions, 'durability'>;
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> | undefined;
  #client: RawClient | undefined;
  #limit = 0;
  /** Everything up to this number has a receipt. */
  #settled = 0;
  #sent = 0;
  #sentEver = 0;
  #backingOff = false;
  #stopped = false;
  #failure: Error | undefined;

  constructor(options: PublisherOptions) {
    this.#options = { window: 32, messagesEach: 3, bytesEach: 0, ...options };
  }

  /** Everything up to this number has a receipt. */
  get settled(): number {
    return this.#settled;
  }

  /** Publish up to this number; resolves at once. */
  publishTo(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.#running ??= this.#run();
    this.#pump();
  }

  /** Nothing new is published; resolves when all that was sent has a receipt. */
  async finish(): Promise<void> {
    this.#limit = this.#sentEver;
    await this.acknowledged(this.#sentEver);
  }

  /** Resolves when everything up to this number has a receipt. */
  async acknowledged(number: number, ms?: number): Promise<void> {
    await this.#until(() => this.#settled >= number, `receipt ${number}`, ms);
  }

  /** Resolves when it has logged in so many times. */
  async connected(connections: number): Promise<void> {
    await this.#until(() => this.connections >= connections, `connection ${connections}`);
  }

  /** Resolves when the server has refused so many times. */
  async refused(times: number): Promise<void> {
    await this.#until(() => this.refusals.length >= times, `refusal ${times}`);
  }

  /** Give up the connection and make a new one. */
  reconnect(): void {
    this.#client?.cut();
  }

  stop(): void {
    this.#stopped = true;
    this.#client?.cut();
    this.#wake();
  }

  /** The messages of a publish. */
  texts(number: number): string[] {
    const { publisher, messagesEach, bytesEach } = this.#options;
    return Array.from({ length: messagesEach }, (_, index) => `${publisher}/${number}.${index}`.padEnd(bytesEach, '.'));
  }

  /** Every message acknowledged, by sequence number. */
  acknowledgedTexts(): Map<number, string> {
    const texts = new Map<number, string>();
    for (const [number, { firstSeq }] of this.receipts) {
      this.texts(number).forEach((text, index) => {
        texts.set(firstSeq + index, text);
      });
    }
    return texts;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        await eventually(() => this.#connect(), 'the publisher to connect');
        const { error } = (await this.#client?.closed) ?? {};
        if (error?.code === 'ERR_PUBLISHER_TAKEN_OVER') throw new Error('somebody else publishes in its name');
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #connect(): Promise<true | undefined> {
    if (this.#stopped) return true;
    const { port, publisher, durability } = this.#options;
    const login = { client: publisher, publisher, ...(durability && { durability }) };
    const message = (received: ServerMessage) => this.#guarded(() => this.#message(received));
    const client = await RawClient.connect(port, login, { message }).catch(nobodyThere);
    if (!client) return undefined;
    if (client.loggedIn.published < this.#settled) {
      throw new Error(`the server has ${client.loggedIn.published} on record, it acknowledged ${this.#settled}`);
    }
    this.#client = client;
    this.connections += 1;
    this.#backingOff = false;
    this.#sent = this.#settled;
    this.#pump();
    this.#wake();
    return true;
  }

  #message(message: ServerMessage): void {
    if (message.type === 'ACKNOWLEDGED') this.#acknowledged(message);
    if (message.type === 'REFUSED') this.#refused(message);
  }

  #acknowledged({ session, epoch, durability, number, runs }: Acknowledged): void {
    if (number > this.#sentEver) throw new Error(`publish ${number} was acknowledged, but never sent`);
    for (const [firstNumber, publishes, firstSeq, count] of runs) {
      for (let index = 0; index < publishes; index += 1) {
        this.#note(firstNumber + index, { session, epoch, durability, firstSeq: firstSeq + index * count, count });
      }
    }
    while (this.receipts.has(this.#settled + 1)) this.#settled += 1;
    this.#sent = Math.max(this.#sent, this.#settled);
    this.#pump();
    this.#wake();
  }

  #note(number: number, receipt: Receipt): void {
    if (receipt.count !== this.#options.messagesEach) {
      throw new Error(`publish ${number} was acknowledged with ${receipt.count} messages`);
    }
    const before = this.receipts.get(number);
    if (before && (before.firstSeq !== receipt.firstSeq || before.epoch !== receipt.epoch)) {
      throw new Error(`publish ${number} was acknowledged as ${before.firstSeq}, and now as ${receipt.firstSeq}`);
    }
    this.receipts.set(number, receipt);
  }

  #refused(refusal: Refused): void {
    this.refusals.push(refusal);
    this.#wake();
    if (refusal.remedy === 'never') throw new Error(`publish ${refusal.number} refused: ${refusal.message}`);
    if (refusal.remedy === 'reconnect') return this.#client?.cut();
    if (this.receipts.has(refusal.number)) throw new Error(`publish ${refusal.number} refused after its receipt`);
    this.#backingOff = true;
    this.#sent = refusal.number - 1;
    setTimeout(() => {
      this.#backingOff = false;
      this.#guarded(() => this.#pump());
    }, retryMs);
  }

  #pump(): void {
    const client = this.#client;
    if (!client || client.over || this.#backingOff || this.#stopped) return;
    while (this.#sent < this.#limit && this.#sent - this.#settled < this.#options.window) {
      this.#sent += 1;
      if (this.receipts.has(this.#sent)) continue;
      if (this.#sent <= this.#sentEver) this.resent += 1;
      this.#sentEver = Math.max(this.#sentEver, this.#sent);
      client.publish(
        this.#sent,
        this.texts(this.#sent).map((text) => Buffer.from(text)),
      );
    }
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.stop();
  }

  async #until(condition: () => boolean, what: string, ms?: number): Promise<void> {
    const watch = async () => {
      while (!condition()) {
        if (this.#failure) throw this.#failure;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    };
    await within(watch(), () => `${what} (has ${this.#settled})`, ms);
    if (this.#failure) throw this.#failure;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** While a server is being restarted; whatever else happens is for the test to know. */
function nobodyThere(error: unknown): undefined {
  if (!(error instanceof ConnectionEnded)) throw error;
}
