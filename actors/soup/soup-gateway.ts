import type { Socket } from 'node:net';
import { type Dialect, SoupError, soupBin, soupTcp } from '../../protocol/soup/index.js';
import { CatchUp } from '../catch-up.js';
import type { ConnectionContext } from '../connection.js';
import type { EdgeLimits } from '../edge.js';
import { Framing } from '../framing.js';
import { Installments } from '../installments.js';
import type { Origin } from '../origin.js';
import type { Rewinds } from '../rewinds.js';
import { Rounds } from '../rounds.js';
import { Actor, type Behaviour } from '../runtime/index.js';
import SessionHandlerActor from '../session-handler.js';
import type { SubscriptionInspection } from '../subscription.js';
import { Subscriptions } from '../subscriptions.js';
import type { SoupCredentials } from './credentials.js';
import { SoupClient, type SoupClientContext } from './soup-client.js';
import { SoupConnection } from './soup-connection.js';
import { decideLogin } from './soup-login.js';
import type { UnsequencedInput } from './unsequenced-input.js';

/** What a SoupGateway understands. */
export type SoupGatewayProtocol = {
  /** At most `linesMax` subscriptions are listed. */
  inspect: [{ linesMax: number }, SoupGatewayInspection];
  /** What the session of that log holds is not to be used: its subscribers are told. */
  discarded: [{ log: number; reason: string }, void];
  /** Tell every client to reconnect, and resolve when all connections are closed. */
  drain: [Record<string, never>, void];
};

/** State of a gateway. */
export interface SoupGatewayInspection {
  connections: number;
  /** Packets kept for subscribers to come. */
  framedBytes: number;
  /** The first of them. */
  subscriptions: SubscriptionInspection[];
  subscriptionCount: number;
}

/** What a SoupGateway is made of. */
export interface SoupGatewayParameters {
  origin: Origin;
  rewinds: Rewinds;
  /** The source whose sessions it serves. */
  source: string;
  credentials: SoupCredentials;
  limits: Pick<EdgeLimits, 'connectionsMax' | 'loginsMax' | 'server'>;
  /** Where Unsequenced Data goes; absent: it is refused. */
  unsequenced?: UnsequencedInput | undefined;
}

/** How often some clients are looked at for deadlines and heartbeats, and all whose login has not arrived. */
const tickMs = 25;
/** Ticks after which each client was looked at once. */
const ticksPerRound = 10;
/** How long a drain waits for clients; those that are still there are cut when the gateway stops. */
const drainMs = 2_000;

/**
 * Accepts clients of the Soup family on a port of their own, in the process that has the log. What they are sent comes
 * from subscriptions like all others; a block is turned into packets once for all of them.
 */
export default class SoupGatewayActor
  extends Actor<SoupGatewayParameters, SoupGatewayProtocol>
  implements Behaviour<SoupGatewayProtocol>
{
  readonly #clients = new Set<SoupClient>();
  /** Clients whose login has not arrived, oldest first. */
  readonly #arriving = new Set<SoupClient>();
  /** Clients that were refused, or given up for newer ones, and have not gone yet. */
  readonly #leaving = new Set<SoupClient>();
  readonly #rounds = new Rounds(this.#clients, ticksPerRound);
  readonly #departures = new Installments();
  readonly #framings = new Map<Dialect, Framing>([soupBin, soupTcp].map((dialect) => [dialect, new Framing(dialect)]));
  #connectionContext!: ConnectionContext;
  #clientContext!: SoupClientContext;
  #subscriptions!: Subscriptions;
  #ticker: NodeJS.Timeout | undefined;
  #nowMs = performance.now();
  #drained: (() => void) | undefined;
  #draining = false;

  override async onStart(): Promise<void> {
    const { origin, rewinds, limits, source, credentials, unsequenced } = this.parameters;
    this.#subscriptions = new Subscriptions({ spawn: this.spawn.bind(this) }, origin, rewinds);
    const sessionHandler = await this.spawn(
      { actor: SessionHandlerActor },
      { name: 'SessionHandler of the SoupGateway', parameters: { origin, server: limits.server } },
    );
    const now = () => this.#nowMs;
    const loginContext = { origin, sessionHandler, source, credentials };
    const defer = (work: () => void) => this.#departures.add(work);
    this.#connectionContext = { now, logger: this.logger, defer, catchUp: new CatchUp() };
    this.#clientContext = {
      now,
      logger: this.logger,
      decide: (login, dialect) => decideLogin(login, dialect, loginContext),
      subscribe: (start) => this.#subscriptions.subscribe(start),
      framingOf: (dialect) => this.#framings.get(dialect)!,
      unsequenced,
      loggingIn: (client) => this.#arriving.delete(client),
      gone: (client) => this.#gone(client),
    };
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  override onStop(): void {
    clearInterval(this.#ticker);
    for (const clients of [this.#clients, this.#leaving]) for (const client of clients) client.destroy();
  }

  override onSocket(socket: Socket): void {
    const connection = new SoupConnection(socket, this.#connectionContext);
    const client = new SoupClient(connection, this.#clientContext);
    const refusal = this.#refusal();
    connection.listen(client);
    if (refusal) {
      this.#leaving.add(client);
      client.fail(refusal);
    } else {
      this.#clients.add(client);
      this.#arriving.add(client);
    }
  }

  inspect({ linesMax }: { linesMax: number }): SoupGatewayInspection {
    return {
      connections: this.#clients.size,
      framedBytes: [...this.#framings.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      subscriptions: this.#subscriptions.inspect(linesMax),
      subscriptionCount: this.#subscriptions.size,
    };
  }

  discarded({ log, reason }: { log: number; reason: string }): void {
    this.#subscriptions.discarded(log, reason);
  }

  async drain(): Promise<void> {
    this.#draining = true;
    for (const client of this.#clients) client.fail(shuttingDown());
    if (this.#clients.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      setTimeout(resolve, drainMs).unref();
    });
  }

  /** Make room for one more login: of too many, the one that has waited longest is given up. */
  #refusal(): SoupError | undefined {
    const { connectionsMax, loginsMax } = this.parameters.limits;
    if (this.#draining) return shuttingDown();
    if (this.#clients.size >= connectionsMax) {
      return new SoupError('ERR_TOO_MANY_CONNECTIONS', `${this.#clients.size} connections, limit ${connectionsMax}`);
    }
    const [oldest] = this.#arriving;
    if (oldest && this.#arriving.size >= loginsMax) {
      this.#arriving.delete(oldest);
      this.#clients.delete(oldest);
      this.#leaving.add(oldest);
      const message = `${loginsMax} connections wait for their login, this one the longest`;
      oldest.fail(new SoupError('ERR_LOGIN_TIMEOUT', message));
    }
    return undefined;
  }

  #gone(client: SoupClient): void {
    this.#clients.delete(client);
    this.#arriving.delete(client);
    this.#leaving.delete(client);
    if (this.#clients.size === 0) this.#drained?.();
  }

  /** Sockets are read first: after a long stop of the process nobody is silent who has spoken meanwhile. */
  #tick(): void {
    this.#nowMs = performance.now();
    setImmediate(() => {
      for (const clients of [this.#arriving, this.#leaving]) for (const client of clients) client.tick();
      this.#rounds.step((client) => client.tick());
    });
  }
}

function shuttingDown(): SoupError {
  return new SoupError('ERR_SHUTTING_DOWN', 'the server is shutting down; reconnect and resume');
}
