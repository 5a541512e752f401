import { ProtocolError } from '../protocol/index.js';
import type { Connection, ConnectionContext } from './connection.js';

/** A login has this long, however many wait for theirs: a crowd dials before it says anything. */
const graceMs = 1_000;

/**
 * The connections that have not sent their login. When too many wait, those that have waited longest and are slow are
 * given up; when there is no place left at all, the one that has waited longest, slow or not. None of them is given up
 * before its socket was read, so that a login that lies there unread counts as sent.
 */
export class PendingLogins {
  readonly #loginsMax: number;
  readonly #context: Pick<ConnectionContext, 'now' | 'defer'>;
  /** Their sockets were not read yet. */
  readonly #arriving = new Set<Connection>();
  /** Oldest first. */
  readonly #waiting = new Set<Connection>();
  /** Given up, and not gone yet. */
  readonly #givenUp = new Set<Connection>();

  /** @param loginsMax so many may wait as long as they like */
  constructor(loginsMax: number, context: Pick<ConnectionContext, 'now' | 'defer'>) {
    this.#loginsMax = loginsMax;
    this.#context = context;
  }

  add(connection: Connection): void {
    this.#arriving.add(connection);
    afterReading(() => {
      if (this.#arriving.delete(connection)) this.#waiting.add(connection);
    });
  }

  /** Its login has come. */
  came(connection: Connection): void {
    this.#arriving.delete(connection);
    this.#waiting.delete(connection);
  }

  gone(connection: Connection): void {
    this.came(connection);
    this.#givenUp.delete(connection);
  }

  /** Called a few times a second, after the sockets were read. */
  tick(): void {
    let tooMany = this.#waiting.size - this.#loginsMax;
    for (const oldest of this.#waiting) {
      if (tooMany <= 0 || !this.#isSlow(oldest)) return;
      this.#context.defer(() => this.#giveUp(oldest));
      tooMany -= 1;
    }
  }

  /** One that may be cut at once because a newcomer would find no place: it was told to go before, or is now. */
  takeDispensable(): Connection | undefined {
    const [oldest] = this.#waiting;
    if (this.#givenUp.size === 0 && oldest) this.#giveUp(oldest);
    const [first] = this.#givenUp;
    if (first) this.#givenUp.delete(first);
    return first;
  }

  #isSlow({ openedMs }: Connection): boolean {
    return this.#context.now() - openedMs > graceMs;
  }

  #giveUp(login: Connection): void {
    if (!this.#waiting.delete(login)) return;
    this.#givenUp.add(login);
    login.fail(
      new ProtocolError('ERR_LOGIN_TIMEOUT', 'too many connections wait for their login, this one the longest'),
    );
  }
}

/** Do this when what lies in the sockets by now was read: the first immediate may come before that, the second does not. */
function afterReading(work: () => void): void {
  setImmediate(() => setImmediate(work));
}
