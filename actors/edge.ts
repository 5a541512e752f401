import type { Socket } from 'node:net';
import { encodeMessage, ProtocolError } from '../protocol/index.js';
import { CatchUp } from './catch-up.js';
import { Connection, type ConnectionContext } from './connection.js';
import { singlesFraming } from './groups/single-outlet.js';
import { Installments } from './installments.js';
import { connectOrigin } from './link/remote-origin.js';
import { LocalRewinds } from './local-rewinds.js';
import type { Origin } from './origin.js';
import { PendingLogins } from './pending-logins.js';
import { PublishBudget } from './publish-window.js';
import { type RequestContext, Requests } from './requests.js';
import RewindHostActor from './rewind-host.js';
import type { Rewinds } from './rewinds.js';
import { Rounds } from './rounds.js';
import { Actor, type Behaviour } from './runtime/index.js';
import SessionHandlerActor from './session-handler.js';
import type { SubscriptionInspection } from './subscription.js';
import { Subscriptions } from './subscriptions.js';

/** What an Edge understands. */
export type EdgeProtocol = {
  /** At most `linesMax` subscriptions are listed. */
  inspect: [{ linesMax: number }, EdgeInspection];
  /** Answered at once by a process that is alive. */
  ping: [Record<string, never>, void];
  /** What the session of that log holds is not to be used: its subscribers are told. */
  discarded: [{ log: number; reason: string }, void];
  /** Tell every client to reconnect, and resolve when all connections are closed. */
  drain: [Record<string, never>, void];
};

/** State of one edge. */
export interface EdgeInspection {
  pid: number;
  connections: number;
  rewinds: number;
  publishBytes: number;
  /** The first of them. */
  subscriptions: SubscriptionInspection[];
  subscriptionCount: number;
}

/** Limits of an edge. */
export interface EdgeLimits {
  connectionsMax: number;
  loginsMax: number;
  publishBytesMax: number;
  ringBytesMax: number;
  server: string;
}

/** What an Edge is made of: the log's own process by reference, or the data socket that leads to it. */
export type EdgeParameters = { limits: EdgeLimits } & (
  | { origin: Origin; rewinds: Rewinds }
  | { dataSocket: string; token: string }
);

/** How often some connections are looked at for deadlines and heartbeats; a heartbeat to all at once would take long. */
const tickMs = 25;
/** Ticks after which each connection was looked at once. */
const ticksPerRound = 10;
/** How long a refused client may take to read its ERROR before it is cut. */
const refusedMs = 2_000;
/** How long a drain waits for clients; those that are still there are cut when the edge stops. */
const drainMs = 2_000;

/** Accepts connections and hosts what they run: their requests, subscriptions and subscription lists. */
export default class EdgeActor extends Actor<EdgeParameters, EdgeProtocol> implements Behaviour<EdgeProtocol> {
  readonly #connections = new Set<Connection>();
  readonly #comingAndGoing = new Installments();
  #connectionContext!: ConnectionContext;
  #requestContext!: RequestContext;
  #logins!: PendingLogins;
  readonly #rounds = new Rounds(this.#connections, ticksPerRound);
  #subscriptions!: Subscriptions;
  #rewinds!: Rewinds;
  #budget!: PublishBudget;
  #ticker: NodeJS.Timeout | undefined;
  #nowMs = coarseNow();
  #drained: (() => void) | undefined;
  #draining = false;

  override async onStart(): Promise<void> {
    const { limits } = this.parameters;
    const { origin, rewinds } = await this.#upstream();
    this.#rewinds = rewinds;
    this.#budget = new PublishBudget(limits.publishBytesMax);
    this.#subscriptions = new Subscriptions({ spawn: this.spawn.bind(this) }, origin, rewinds);
    const sessionHandler = await this.spawn(
      { actor: SessionHandlerActor },
      { name: 'SessionHandler', parameters: { origin, server: limits.server } },
    );
    this.#connectionContext = {
      now: () => this.#nowMs,
      logger: this.logger,
      defer: (work) => this.#comingAndGoing.add(work),
      catchUp: new CatchUp(),
    };
    this.#logins = new PendingLogins(limits.loginsMax, this.#connectionContext);
    this.#requestContext = {
      origin,
      sessionHandler,
      budget: this.#budget,
      singles: singlesFraming(),
      defer: this.#connectionContext.defer,
      subscribe: (start) => this.#subscriptions.subscribe(start),
      loggingIn: (connection) => this.#logins.came(connection),
      gone: (connection) => this.#gone(connection),
    };
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  override onStop(): void {
    clearInterval(this.#ticker);
    for (const connection of this.#connections) connection.destroy();
  }

  override onSocket(socket: Socket): void {
    const refusal = this.#refusal();
    if (refusal) {
      const { code, message } = refusal;
      const level = code === 'ERR_SHUTTING_DOWN' ? 'debug' : 'warn';
      this.logger[level]({ remote: `${socket.remoteAddress}:${socket.remotePort}`, code }, message);
      refuse(socket, refusal);
      return;
    }
    this.#accept(socket);
  }

  inspect({ linesMax }: { linesMax: number }): EdgeInspection {
    return {
      pid: process.pid,
      connections: this.#connections.size,
      rewinds: this.#rewinds.size,
      publishBytes: this.#budget.bytes,
      subscriptions: this.#subscriptions.inspect(linesMax),
      subscriptionCount: this.#subscriptions.size,
    };
  }

  ping(): void {}

  discarded({ log, reason }: { log: number; reason: string }): void {
    this.#subscriptions.discarded(log, reason);
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const error = new ProtocolError('ERR_SHUTTING_DOWN', 'the server is shutting down; reconnect and resume');
    for (const connection of this.#connections) connection.fail(error);
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      setTimeout(resolve, drainMs).unref();
    });
  }

  #refusal(): ProtocolError | undefined {
    const { connectionsMax } = this.parameters.limits;
    if (this.#draining) return new ProtocolError('ERR_SHUTTING_DOWN', 'the server is shutting down; reconnect');
    if (this.#connections.size >= connectionsMax && !this.#makeRoom()) {
      return new ProtocolError(
        'ERR_TOO_MANY_CONNECTIONS',
        `${this.#connections.size} connections, limit ${connectionsMax}`,
      );
    }
    return undefined;
  }

  /** @returns whether there was one that could be cut for another */
  #makeRoom(): boolean {
    const dispensable = this.#logins.takeDispensable();
    if (!dispensable) return false;
    this.#connections.delete(dispensable);
    dispensable.destroy();
    return true;
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#connectionContext);
    this.#connections.add(connection);
    this.#logins.add(connection);
    connection.listen(new Requests(connection, this.#requestContext));
    socket.resume();
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#logins.gone(connection);
    if (this.#connections.size === 0) this.#drained?.();
  }

  /** Sockets are read first: after a long stop of the process nobody is silent who has spoken meanwhile. */
  #tick(): void {
    this.#nowMs = coarseNow();
    setImmediate(() => {
      this.#logins.tick();
      this.#rounds.step((connection) => connection.tick());
    });
  }

  async #upstream(): Promise<{ origin: Origin; rewinds: Rewinds }> {
    const { parameters } = this;
    if ('origin' in parameters) return parameters;
    const origin = await connectOrigin(parameters.dataSocket, parameters.token, parameters.limits.ringBytesMax);
    const read = (log: number, from: number) => origin.read(log, from, Number.MAX_SAFE_INTEGER);
    const host = await this.spawn({ actor: RewindHostActor }, { name: 'RewindHost', parameters: { read } });
    return { origin, rewinds: new LocalRewinds(host) };
  }
}

/** Whole milliseconds: each connection keeps a few of them. */
function coarseNow(): number {
  return Math.floor(performance.now());
}

/** What the client has sent is read and dropped: closing over it would take the ERROR along. */
function refuse(socket: Socket, { code, message, remedy }: ProtocolError): void {
  socket.on('error', () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), refusedMs);
  socket.on('close', () => clearTimeout(timer));
  socket.resume();
  socket.end(encodeMessage({ type: 'ERROR', code, message, remedy }));
}
