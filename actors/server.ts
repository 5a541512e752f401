import type { Store } from '../storage/index.js';
import ArchiverActor, { type ArchiverProtocol } from './archiver.js';
import { Discards } from './discards.js';
import type { EdgeLimits, EdgeProtocol } from './edge.js';
import { Edges } from './edges.js';
import { gatewayLimits } from './gateway-limits.js';
import GeneratorActor, { type GeneratorProtocol } from './generator.js';
import { DialBack } from './groups/dial-back.js';
import { Groups } from './groups/groups.js';
import { singlesFraming } from './groups/single-outlet.js';
import { Inputs, type OpenRelay } from './inputs/inputs.js';
import { inspectActors } from './inspection.js';
import { DataSocket } from './link/data-socket.js';
import { ForkedRewinds } from './link/forked-rewinds.js';
import { Listener } from './listener.js';
import { LocalOrigin } from './local-origin.js';
import { LocalRewinds } from './local-rewinds.js';
import RewindHostActor, { type RewindHostProtocol } from './rewind-host.js';
import type { Rewinds } from './rewinds.js';
import { runLater } from './run-later.js';
import { Actor, type Behaviour, type Placement, type Ref, type Spawner } from './runtime/index.js';
import type { ServerAddress } from './server-address.js';
import type { ServerConfig } from './server-config.js';
import { SessionCalendar } from './session-calendar.js';
import SessionRollerActor, { type SessionRollerProtocol } from './session-roller.js';
import { SoupPort } from './soup/soup-port.js';
import { Sources } from './sources.js';
import { Subscriptions } from './subscriptions.js';
import { SupervisedFork } from './supervised-fork.js';

/** What a Server understands. */
export type ServerProtocol = {
  address: [Record<string, never>, ServerAddress];
  inspect: [Record<string, never>, Record<string, unknown>];
  /** Stop accepting, settle what was accepted, tell clients to reconnect. */
  drain: [Record<string, never>, void];
};

/** What a Server is made of. */
export interface ServerParameters {
  config: ServerConfig;
  store: Store;
  placement: Placement;
  /** Name and version, for LOGGED_IN. */
  server: string;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Makes the inputs that read another server. */
  openRelay?: OpenRelay | undefined;
  /** Called when a part of the server cannot be kept running. */
  onGiveUp(error: Error): void;
}

/** Bounds of the steps of a drain. */
const flushMs = 2_500;
const gatewayDrainMs = 2_500;
/** A large session takes long to be archived; this is only there because every question has a deadline. */
const archiveMs = 24 * 60 * 60 * 1000;

/**
 * The root of the tree (the seeds' SessionServer): knows the active session of each source, puts every actor where the
 * placement wants it, and keeps the forked ones running.
 */
export default class ServerActor extends Actor<ServerParameters, ServerProtocol> implements Behaviour<ServerProtocol> {
  readonly #startedMs = performance.now();
  #calendar!: SessionCalendar;
  #sources!: Sources;
  #groups: Groups | undefined;
  #inputs: Inputs | undefined;
  #edges: Edges | undefined;
  #rewindFork: SupervisedFork<RewindHostProtocol> | undefined;
  #generator: Ref<GeneratorProtocol> | undefined;
  #roller: Ref<SessionRollerProtocol> | undefined;
  #archiver: Ref<ArchiverProtocol> | undefined;
  #dataSocket: DataSocket | undefined;
  #listener: Listener | undefined;
  #soup: SoupPort | undefined;

  /** What runs already is stopped when something behind it cannot start: forks that are supervised, above all. */
  override async onStart(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.onStop();
      throw error;
    }
  }

  override async onStop(): Promise<void> {
    this.#listener?.close();
    this.#soup?.close();
    this.#groups?.close();
    await this.#inputs?.stop();
    await this.#stopForks();
    await this.#dataSocket?.close();
  }

  async #stopForks(): Promise<void> {
    await Promise.all([this.#edges?.stop(), this.#rewindFork?.stop()]);
  }

  async #start(): Promise<void> {
    const { config, store, clock } = this.parameters;
    const spawner = { spawn: this.spawn.bind(this) };
    const calendar = new SessionCalendar(clock, config);
    this.#calendar = calendar;
    this.#roller = await this.spawn(
      { actor: SessionRollerActor },
      { name: 'SessionRoller', parameters: { store, calendar, schedule: runLater } },
    );
    const roller = this.#roller;
    const groups = new Groups({ configs: config.groups, store, spawner, clock });
    this.#groups = groups;
    const discards = new Discards({ store, tell: (notice) => this.#tellDiscarded(notice) });
    const logger = this.logger;
    this.#sources = new Sources({ store, config, spawner, calendar, roller, groups, discards, clock, logger });
    await this.#sources.open();
    const archiver: Ref<ArchiverProtocol> = await this.spawn(
      { actor: ArchiverActor },
      { name: 'Archiver', parameters: { store, config, clock } },
    );
    this.#archiver = archiver;
    const origin = new LocalOrigin({
      store,
      calendar,
      sources: this.#sources,
      groups,
      roller,
      closedSessions: config.closedSessions,
      inspect: () => this.inspect(),
      discards,
      archive: (request) => archiver.ask('request', request, { timeoutMs: archiveMs }),
    });
    const rewinds = await this.#startRewinds(origin);
    this.#startDialBack(origin, rewinds);
    const limits = gatewayLimits(config, this.parameters.server, this.logger);
    this.#edges = this.#makeEdges(spawner, origin, rewinds, limits);
    await this.#edges.start();
    this.#listener = await Listener.listen(config.host, config.port, { running: () => this.#running() }, this.logger);
    this.#inputs = this.#makeInputs(spawner);
    await this.#openSoup(origin, rewinds, limits);
    await this.#startGenerator();
    // They start to read when there is somebody to hear it.
    await this.#inputs.start();
  }

  address(): ServerAddress {
    return { ...this.#listener!.address, ...(this.#soup && { soupPort: this.#soup.port }) };
  }

  async inspect(): Promise<Record<string, unknown>> {
    const { server, store } = this.parameters;
    const nextRollMs = this.#calendar.nextRollMs();
    const rewindHostPid = this.#rewindFork ? (this.#rewindFork.ref?.pid ?? null) : process.pid;
    return {
      server,
      pid: process.pid,
      uptimeMs: Math.round(performance.now() - this.#startedMs),
      durability: store.durability,
      nextRoll: nextRollMs === undefined ? null : new Date(nextRollMs).toISOString(),
      rewindHostPid,
      ...(await inspectActors({
        sessions: this.#sources.sessions(),
        edges: this.#running(),
        generator: this.#generator,
        archiver: this.#archiver,
      })),
      soup: (await this.#soup?.inspect()) ?? null,
      inputs: (await this.#inputs?.inspect()) ?? [],
      groups: (await this.#groups?.inspect()) ?? [],
      store: store.stats(),
    };
  }

  async drain(): Promise<void> {
    this.#listener?.close();
    const archiverStopped = this.#archiver?.stop();
    this.#soup?.close();
    await Promise.all([this.#generator?.stop(), this.#inputs?.stop(), this.#roller?.stop()]);
    await Promise.allSettled(
      [...this.#sources.sessions()].map((session) => session.ask('close', {}, { timeoutMs: flushMs })),
    );
    const timeout = { timeoutMs: gatewayDrainMs };
    const edges = this.#running().map((edge) => edge.ask('drain', {}, timeout));
    await Promise.allSettled([...edges, this.#soup?.gateway.ask('drain', {}, timeout)]);
    await this.#groups?.drain();
    // Before their parent stops them, or their end would look like a death.
    await Promise.all([this.#stopForks(), archiverStopped]);
  }

  #tellDiscarded(notice: { log: number; reason: string }): void {
    for (const edge of this.#running()) edge.tell('discarded', notice);
    this.#soup?.gateway.tell('discarded', notice);
  }

  #running(): Ref<EdgeProtocol>[] {
    return this.#edges?.running() ?? [];
  }

  async #startRewinds(origin: LocalOrigin): Promise<Rewinds> {
    if (this.parameters.placement.of('RewindHost').mode === 'in-memory') {
      const read = (log: number, from: number) => origin.read(log, from, Number.MAX_SAFE_INTEGER);
      return new LocalRewinds(
        await this.spawn({ actor: RewindHostActor }, { name: 'RewindHost', parameters: { read } }),
      );
    }
    const rewinds = new ForkedRewinds();
    const { path: dataSocket, token } = await this.#openDataSocket(origin, rewinds, rewinds);
    this.#rewindFork = new SupervisedFork<RewindHostProtocol>({
      name: 'RewindHost',
      spawn: () =>
        this.spawn(
          { actor: RewindHostActor, module: new URL('./rewind-host.js', import.meta.url) },
          { name: 'RewindHost', mode: 'forked', parameters: { dataSocket, token } },
        ),
      onGiveUp: this.parameters.onGiveUp,
      logger: this.logger,
    });
    await this.#rewindFork.start();
    return rewinds;
  }

  #startDialBack(origin: LocalOrigin, rewinds: Rewinds): void {
    const subscriptions = new Subscriptions({ spawn: this.spawn.bind(this) }, origin, rewinds);
    const context = { subscribe: subscriptions.subscribe.bind(subscriptions), singles: singlesFraming() };
    this.#groups?.reachBy(new DialBack(context, this.logger));
  }

  #makeEdges(spawner: Spawner, origin: LocalOrigin, rewinds: Rewinds, limits: EdgeLimits): Edges {
    const { placement, onGiveUp } = this.parameters;
    const openDataSocket = () => this.#openDataSocket(origin, rewinds, undefined);
    return new Edges({ placement, limits, origin, rewinds, openDataSocket, spawner, onGiveUp, logger: this.logger });
  }

  async #openSoup(origin: LocalOrigin, rewinds: Rewinds, limits: EdgeLimits): Promise<void> {
    const spawner = { spawn: this.spawn.bind(this) };
    const parameters = { origin, rewinds, limits, unsequenced: this.#inputs?.unsequenced };
    this.#soup = await SoupPort.open(spawner, this.parameters.config, parameters, this.logger);
  }

  async #openDataSocket(origin: LocalOrigin, rewinds: Rewinds, forked: ForkedRewinds | undefined): Promise<DataSocket> {
    const feeds = new Subscriptions({ spawn: this.spawn.bind(this) }, origin, rewinds);
    const subscribe = feeds.subscribe.bind(feeds);
    this.#dataSocket = await DataSocket.listen({ origin, subscribe, rewinds: forked, logger: this.logger });
    return this.#dataSocket;
  }

  async #startGenerator(): Promise<void> {
    const { config, clock, store } = this.parameters;
    const { generator } = config;
    if (generator.rate <= 0 || !store.activeSession(generator.source)) return;
    this.#generator = await this.spawn(
      { actor: GeneratorActor },
      { name: 'Generator', parameters: { ...generator, clock, roller: this.#roller! } },
    );
    const listener = this.#sources.session(generator.source);
    listener.tell('generatedBy', { process: this.#generator, listener });
    this.#generator.tell('begin', {});
  }

  #makeInputs(spawner: Spawner): Inputs {
    const { config, openRelay } = this.parameters;
    const fed = (source: string) => this.#sources.fed(source);
    return new Inputs({ configs: config.inputs, spawner, fed, openRelay, logger: this.logger });
  }
}
