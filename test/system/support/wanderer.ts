import { type Client, connect } from '../../../client/index.js';
import { within } from '../../support/deadline.js';
import type { Random } from '../../support/random.js';
import { binLogin, lineLogin, SoupClient } from '../../support/soup-client.js';

/** The ways to read a stream: on the native port, on from session to session or not, and on the Soup port. */
export const ways = ['follow', 'native', 'binary', 'lines'] as const;
export type Way = (typeof ways)[number];

/**
 * A reader that changes from one protocol to another all the time. It leaves at number n and goes on at n + 1, or at the
 * start of the session behind the one that has ended; what it finds in between would be a fault.
 */
export class Wanderer {
  /** Session and number of each message. */
  readonly places: string[] = [];
  readonly texts: string[] = [];
  /** Session, last number and why it was discarded, of each session whose end it was told of. */
  readonly ends: string[] = [];
  /** How often it went each way. */
  readonly legs: Record<Way, number> = { follow: 0, native: 0, binary: 0, lines: 0 };
  session: string;
  #next = 1;
  readonly #client: Client;
  readonly #soupPort: number;
  readonly #random: Random;

  private constructor(client: Client, soupPort: number, session: string, random: Random) {
    this.#client = client;
    this.#soupPort = soupPort;
    this.session = session;
    this.#random = random;
  }

  /** @param session where it begins, at 1 */
  static async start(ports: { port: number; soupPort: number }, session: string, random: Random): Promise<Wanderer> {
    const client = await connect({ port: ports.port, publisher: false, reconnect: false, closeMs: 100 });
    return new Wanderer(client, ports.soupPort, session, random);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Read on in one way: that many messages, or up to the end of the session where the way does not lead further. */
  async read(way: Way, messages: number): Promise<void> {
    this.legs[way] += 1;
    const from = `${this.session} ${this.#next}`;
    const leg =
      way === 'binary' || way === 'lines'
        ? this.#readSoup(way, messages)
        : this.#readNative(way === 'follow', messages);
    await within(leg, () => `${messages} messages from ${from} on, ${way}; at ${this.session} ${this.#next}`);
  }

  async #readNative(follow: boolean, messages: number): Promise<void> {
    const subscription = this.#client.subscribe({ session: this.session, from: this.#next, wait: true, follow });
    let next: string | undefined;
    subscription.on('ended', (ended) => {
      if (ended.session !== this.session) throw new Error(`in ${this.session}, told of the end of ${ended.session}`);
      this.#ended(ended.lastSeq, ended.discardReason, ended.next);
      next = ended.next;
    });
    let left = messages;
    for await (const { session, seq, payload } of subscription) {
      this.#take(session, seq, Buffer.from(payload).toString());
      left -= 1;
      if (left === 0) return;
    }
    if (next === undefined) throw new Error(`session ${this.session} stopped without an end`);
  }

  async #readSoup(format: 'binary' | 'lines', messages: number): Promise<void> {
    const { session } = this;
    const from = this.#next;
    const login = format === 'binary' ? binLogin(from, session) : lineLogin(from, session);
    const soup = await SoupClient.loggedIn(this.#soupPort, format, login);
    try {
      if (soup.session !== session || soup.first !== from)
        throw new Error(`asked for ${session} ${from}, accepted at ${soup.session} ${soup.first}`);
      await Promise.race([soup.reached(from + messages - 1).catch(() => {}), soup.closed]);
      const texts = soup.texts.slice(0, messages);
      for (const [index, text] of texts.entries()) this.#take(session, from + index, text);
      if (texts.length === messages) return soup.send('O');
      await soup.take('Z');
    } finally {
      soup.destroy();
    }
    const debug = soup.packets.takeAll().map(({ payload }) => payload.toString());
    // Soup clients are told neither a number nor what comes behind: they count, and look at the catalogue.
    const { next } = await this.#client.session({ session });
    this.#ended(this.#next - 1, discardIn(debug, session), next);
  }

  #take(session: string, seq: number, text: string): void {
    if (session !== this.session || seq !== this.#next)
      throw new Error(`expected ${this.session} ${this.#next}, found ${session} ${seq}`);
    this.places.push(`${session} ${seq}`);
    this.texts.push(text);
    this.#next += 1;
  }

  #ended(lastSeq: number, discarded: string | undefined, next: string | undefined): void {
    if (lastSeq !== this.#next - 1) throw new Error(`${this.session} ended at ${lastSeq}, expected ${this.#next}`);
    if (next === undefined) throw new Error(`nothing behind ${this.session}`);
    this.ends.push(endOf(this.session, lastSeq, discarded));
    this.session = next;
    this.#next = 1;
  }

  /** One of these, at random. */
  pick<Item>(items: readonly Item[]): Item {
    return this.#random.pick(items);
  }

  /** From 1 to `max`, small ones more often. */
  amount(max: number): number {
    return Math.max(1, Math.ceil(max * this.#random.fraction() ** 2));
  }
}

/** The end of a session, as a {@link Wanderer} puts it down. */
export function endOf(session: string, lastSeq: number, discarded = 'not'): string {
  return `${session} ended at ${lastSeq}, discarded: ${discarded}`;
}

function discardIn(debug: string[], session: string): string | undefined {
  const mark = `session ${session} is discarded, it is not to be used: `;
  const told = debug.filter((text) => text.startsWith(mark)).map((text) => text.slice(mark.length));
  if (told.length > 1 || told.length < debug.length) throw new Error(`told: ${debug.join('; ')}`);
  return told[0];
}
