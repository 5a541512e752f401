import type { Logger } from 'pino';
import {
  clientPacket,
  type Dialect,
  type FirstBytes,
  LoginReader,
  type Packet,
  type PacketReader,
  quoted,
  SoupError,
  type SoupErrorCode,
  type SoupLogin,
  soupLimits,
} from '../../protocol/soup/index.js';
import type { Framing } from '../framing.js';
import type { OpenSubscription, SubscriptionStart } from '../subscription.js';
import type { SoupConnection, SoupListener } from './soup-connection.js';
import type { AcceptedLogin } from './soup-login.js';
import { SoupOutlet } from './soup-outlet.js';
import type { UnsequencedInput } from './unsequenced-input.js';

/** What the clients of a gateway share. */
export interface SoupClientContext {
  /** Monotonic milliseconds; a coarse clock will do. */
  now(): number;
  logger: Logger;
  /** @throws SoupError when it is rejected */
  decide(login: SoupLogin, dialect: Dialect): Promise<AcceptedLogin>;
  subscribe(start: SubscriptionStart): Promise<OpenSubscription>;
  framingOf(dialect: Dialect): Framing;
  /** Where Unsequenced Data goes; absent: it is refused. */
  unsequenced?: UnsequencedInput | undefined;
  /** The login has arrived. */
  loggingIn(client: SoupClient): void;
  /** The connection has gone, and its subscription has been stopped. */
  gone(client: SoupClient): void;
}

/**
 * Where a client is:
 * `arriving` – its login has not arrived;
 * `deciding` – its login is being decided, nothing more is read;
 * `streaming` – it is accepted and gets its messages.
 */
type State = 'arriving' | 'deciding' | 'streaming';

/** How long a client may take to read why it is sent away. */
const failedMs = 2_000;
/** Refused packets of one client that are logged as a warning; the rest only when debugging. */
const refusalsLogged = 20;

let lastId = 0;

/**
 * One client of the Soup family: its login, its packets, its heartbeats, and the one subscription it has.
 */
export class SoupClient implements SoupListener {
  readonly id = ++lastId;
  readonly #connection: SoupConnection;
  readonly #context: SoupClientContext;
  #state: State = 'arriving';
  readonly #arrival = new LoginReader();
  #dialect: Dialect | undefined;
  #reader!: PacketReader;
  #login: SoupLogin | undefined;
  #outlet: SoupOutlet | undefined;
  #subscription: OpenSubscription | undefined;
  #refusals = 0;

  constructor(connection: SoupConnection, context: SoupClientContext) {
    this.#connection = connection;
    this.#context = context;
  }

  data(chunk: Buffer): void {
    if (this.#state === 'arriving') return this.#arrived(this.#arrival.push(chunk));
    this.#reader.push(chunk);
    this.#takePackets();
  }

  resumed(): void {
    if (this.#state === 'streaming') this.#takePackets();
  }

  drained(): void {
    this.#subscription?.drained();
    this.#outlet?.pageTurns.drained();
  }

  closed(): void {
    this.#subscription?.stop();
    this.#context.gone(this);
  }

  /** Look at the clock: called a few times a second, and more often before the login. */
  tick(): void {
    const connection = this.#connection;
    if (connection.closing) return connection.tickEnding();
    const now = this.#context.now();
    if (this.#state === 'arriving') this.#tickArriving(now);
    else if (this.#state === 'streaming') this.#tickStreaming(now);
  }

  /** Tell the client why, and close. */
  fail({ code, message, reject }: SoupError): void {
    if (this.#connection.closing) return;
    const level = code === 'ERR_SHUTTING_DOWN' ? 'debug' : 'warn';
    this.#context.logger[level]({ ...this.#facts(), code }, message);
    const dialect = this.#dialect ?? this.#arrival.dialect;
    this.#connection.write([dialect.debug(`${code}: ${message}`), ...(reject ? [dialect.rejected(reject)] : [])]);
    this.#connection.end(failedMs);
  }

  /** Cut the connection at once. */
  destroy(): void {
    this.#connection.destroy();
  }

  #arrived(found: FirstBytes): void {
    if (found.state === 'more') return;
    this.#dialect = found.dialect;
    this.#context.loggingIn(this);
    if (found.state === 'refused') return this.fail(found.error);
    this.#state = 'deciding';
    this.#login = found.login;
    this.#reader = found.dialect.reader();
    this.#reader.push(this.#arrival.rest(found.bytes));
    this.#connection.pause('login');
    void this.#decide(found.login, found.dialect);
  }

  async #decide(login: SoupLogin, dialect: Dialect): Promise<void> {
    try {
      const accepted = await this.#context.decide(login, dialect);
      if (!this.#connection.closing) await this.#accept(accepted, dialect);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #accept({ session, next, pull }: AcceptedLogin, dialect: Dialect): Promise<void> {
    const { short, user } = this.#login!;
    this.#state = 'streaming';
    const framing = this.#context.framingOf(dialect);
    const outlet = new SoupOutlet(this.id, this.#connection, dialect, framing, (error) => this.fail(error));
    this.#outlet = outlet;
    if (short) this.#connection.keepAlive(soupLimits.silenceMs);
    this.#connection.write([dialect.accepted(session.session, next)]);
    const over = () => {
      this.#subscription = undefined;
    };
    const client = `${dialect.name}${user === '' ? '' : ` ${user}`}`;
    const subscription = await this.#context.subscribe({ session, next, pull, client, outlet, over });
    if (this.#connection.closing) subscription.stop();
    else if (!subscription.over) this.#subscription = subscription;
    this.#connection.resume('login');
  }

  #takePackets(): void {
    try {
      while (!this.#connection.paused && !this.#connection.closing) {
        const packet = this.#reader.take();
        if (!packet) return;
        this.#packet(packet);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #packet({ type, payload }: Packet): void {
    switch (type) {
      case clientPacket.heartbeat:
        return checkEmpty('Client Heartbeat', payload);
      case clientPacket.debug:
        return this.#context.logger.debug(
          { ...this.#facts(), text: quoted(payload.toString('latin1')) },
          'debug packet',
        );
      case clientPacket.unsequenced:
        return this.#unsequenced(payload);
      case clientPacket.logout:
        checkEmpty('Logout Request', payload);
        return this.#connection.end(failedMs);
      case clientPacket.loginRequest:
        throw new SoupError('ERR_ALREADY_LOGGED_IN', 'a Login Request is sent once, as the first packet');
      default:
        throw new SoupError('ERR_UNKNOWN_TYPE', `a client sends packets L, U, R, O and +; found ${quoted(type)}`);
    }
  }

  #unsequenced(payload: Buffer): void {
    const { unsequenced } = this.#context;
    if (!unsequenced) return this.#refuse('ERR_NOT_A_PUBLISHER', 'no input source takes Unsequenced Data here');
    this.#connection.pause('input');
    const { remote } = this.#connection;
    unsequenced
      .take(payload, { user: this.#login!.user, remote })
      .catch((error: Error & { code?: SoupErrorCode }) => this.#refuse(error.code ?? 'ERR_INTERNAL', error.message))
      .finally(() => this.#connection.resume('input'));
  }

  /** The packet is refused; the connection goes on. */
  #refuse(code: SoupErrorCode, message: string): void {
    this.#refusals += 1;
    const level = this.#refusals <= refusalsLogged ? 'warn' : 'debug';
    this.#context.logger[level]({ ...this.#facts(), code }, message);
    this.#connection.write([this.#dialect!.debug(`${code}: ${message}`)]);
  }

  #tickArriving(now: number): void {
    const { heardMs, openedMs } = this.#connection;
    const { shortLoginWaitMs, loginMs } = soupLimits;
    if (this.#arrival.mayBeShort && now - heardMs >= shortLoginWaitMs) this.#arrived(this.#arrival.waited());
    else if (now - openedMs > loginMs) this.fail(new SoupError('ERR_LOGIN_TIMEOUT', `no login within ${loginMs} ms`));
  }

  #tickStreaming(now: number): void {
    const connection = this.#connection;
    const mustSpeak = !this.#login!.short && !connection.paused;
    if (mustSpeak && now - connection.heardMs > soupLimits.silenceMs) {
      const message = `nothing heard for ${soupLimits.silenceMs} ms; send a Client Heartbeat when idle`;
      this.fail(new SoupError('ERR_SILENT', message));
    } else if (now - connection.saidMs >= soupLimits.heartbeatMs && connection.queuedBytes === 0) {
      connection.write([this.#dialect!.heartbeat]);
    }
  }

  #failed(error: unknown): void {
    if (error instanceof SoupError) return this.fail(error);
    this.#context.logger.error({ ...this.#facts(), err: error }, 'request failed');
    const answer = this.#state === 'deciding' ? ({ reject: 'S' } as const) : {};
    this.fail(new SoupError('ERR_INTERNAL', 'the server could not answer; its log says why', answer));
  }

  #facts(): object {
    return {
      connection: this.id,
      remote: this.#connection.remote,
      dialect: this.#dialect?.name,
      user: this.#login?.user,
    };
  }
}

/** Only white space that ends a line may follow the type. */
function checkEmpty(name: string, payload: Buffer): void {
  if (payload.toString('latin1').trim() === '') return;
  throw new SoupError('ERR_BAD_MESSAGE', `a ${name} has no payload; found ${payload.length} bytes`);
}
