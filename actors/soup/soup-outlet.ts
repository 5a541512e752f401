import type { ServerMessage } from '../../protocol/index.js';
import { type Dialect, SoupError, soupLimits } from '../../protocol/soup/index.js';
import type { Framing } from '../framing.js';
import type { Outlet } from '../outlet.js';
import type { PageTurns } from '../page-turns.js';
import type { SoupConnection } from './soup-connection.js';

/** How long a client may take to read the end of a session, and to close behind it. */
const endedMs = soupLimits.silenceMs;

/**
 * Where the subscription of a Soup client puts its blocks. The subscription is an ordinary one, with the same rewind and
 * the same gap buffer as on the native protocol; only here it shows that the client speaks another one.
 */
export class SoupOutlet implements Outlet {
  readonly id: number;
  readonly #connection: SoupConnection;
  readonly #dialect: Dialect;
  readonly #framing: Framing;
  readonly #fail: (error: SoupError) => void;
  #isDiscardTold = false;

  /** @param fail tells the client why, and closes */
  constructor(
    id: number,
    connection: SoupConnection,
    dialect: Dialect,
    framing: Framing,
    fail: (error: SoupError) => void,
  ) {
    this.id = id;
    this.#connection = connection;
    this.#dialect = dialect;
    this.#framing = framing;
    this.#fail = fail;
  }

  get hasRoom(): boolean {
    return this.#connection.hasRoom;
  }

  get pageTurns(): PageTurns {
    return this.#connection.pageTurns;
  }

  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  /** Blocks, as packets. A message that cannot be a packet ends the client behind the one in front of it. */
  write(frames: readonly Buffer[]): void {
    const packets: Buffer[] = [];
    for (const blocks of frames) {
      const { bytes, obstacle } = this.#framing.of(blocks);
      packets.push(bytes);
      if (!obstacle) continue;
      this.#connection.write(packets);
      const { seq, reason } = obstacle;
      const message = `${this.#dialect.name} cannot carry message ${seq}: ${reason}`;
      return this.#fail(new SoupError('ERR_NOT_CARRIED', `${message}; log in with ${seq + 1} to go on behind it`));
    }
    this.#connection.write(packets);
  }

  /**
   * Beside messages only the end of a session has a packet; a loss ends the client, since its count would be wrong. That
   * a session is not to be used is told in a Debug packet.
   */
  send(message: ServerMessage): void {
    switch (message.type) {
      case 'LIVE':
        return;
      case 'LOST': {
        const { from, to, reason } = message;
        const text = `messages ${from} to ${to} are lost (${reason}); log in with ${to + 1} to go on behind them`;
        return this.#fail(new SoupError('ERR_LOST', text));
      }
      case 'SESSION_DISCARDED':
        return this.#tellDiscard(message.session, message.reason);
      case 'END_OF_SESSION':
        if (message.discardReason !== undefined) this.#tellDiscard(message.session, message.discardReason);
        this.#connection.write([this.#dialect.endOfSession]);
        return this.#connection.end(endedMs);
      case 'UNSUBSCRIBED':
        return this.#fail(
          new SoupError(message.code ?? 'ERR_INTERNAL', message.message ?? 'the subscription has ended'),
        );
      default:
        throw new Error(`a subscription does not say ${message.type}`);
    }
  }

  /** The end of a session tells it once more; one that was discarded by its roll tells it first. */
  #tellDiscard(session: string, reason: string): void {
    if (this.#isDiscardTold) return;
    this.#isDiscardTold = true;
    const text = `session ${session} is discarded, it is not to be used: ${reason}`;
    this.#connection.write([this.#dialect.debug(text)]);
  }
}
