import { join } from 'node:path';
import { afterEach, expect, onTestFinished, vi } from 'vitest';
import { Placement, System } from '../../actors/runtime/index.js';
import ServerActor from '../../actors/server.js';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { startServer } from '../../actors/start-server.js';
import { Store, type StoreOptions } from '../../storage/index.js';
import { within } from '../support/deadline.js';
import { LogLines } from '../support/log-lines.js';
import { temporaryDirectory as newDirectory } from '../support/temporary-directory.js';
import { Bystanders } from './bystanders.js';
import { RawClient } from './raw-client.js';

export * from '../support/deadline.js';
export * from '../support/frames.js';
export * from '../support/inbox.js';
export * from '../support/log-lines.js';
export { Bystanders } from './bystanders.js';
export * from './raw-client.js';

/** A server in this process, and what there is to know about it. */
export interface HostileServer {
  port: number;
  /** For clients of the Soup family, when it was configured. */
  soupPort?: number | undefined;
  data: string;
  log: LogLines;
  /** Resolves when it was told to stop and has. */
  stop(): Promise<void>;
}

const cleanups: (() => Promise<void>)[] = [];
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  expect(unhandled.splice(0)).toEqual([]);
});

/** A directory that is removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const { directory, remove } = await newDirectory();
  cleanups.push(remove);
  return directory;
}

/** A server without a generator that is stopped after the test. */
export async function startHostileServer(config: Partial<ServerConfig> = {}): Promise<HostileServer> {
  const log = new LogLines();
  const data = config.data ?? (await temporaryDirectory());
  const { generator } = defaultServerConfig;
  const server = await startServer(
    { ...defaultServerConfig, durability: 'os', ...config, data, port: 0, generator: { ...generator, rate: 0 } },
    log.logger,
  );
  cleanups.push(() => server.stop());
  return { port: server.port, soupPort: server.soupPort, data, log, stop: () => server.stop() };
}

/** As {@link startHostileServer}, on a store whose disk can be made to fail. */
export async function startOnStore(options: Partial<StoreOptions>): Promise<HostileServer> {
  const log = new LogLines();
  const { logger } = log;
  const data = await temporaryDirectory();
  const clock = options.clock ?? Date.now;
  const store = await Store.open({ directory: data, durability: 'disk', clock, logger, ...options });
  const system = await System.start({ logger });
  const { generator } = defaultServerConfig;
  const config = { ...defaultServerConfig, data, port: 0, generator: { ...generator, rate: 0 } };
  const placement = await Placement.load(join(data, 'none.json'), { named: false });
  const onGiveUp = (error: Error): void => {
    unhandled.push(error);
  };
  const parameters = { config, store, placement, server: 'latecomer/test', clock, onGiveUp };
  const root = await system.spawn({ actor: ServerActor }, { name: 'Server', parameters });
  const { port } = await root.ask('address', {}, { timeoutMs: 5_000 });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await root.ask('drain', {}, { timeoutMs: 6_000 });
    await system.stop();
    await store.close();
  };
  const stopOnce = (): Promise<void> => {
    stopping ??= stop();
    return stopping;
  };
  cleanups.push(stopOnce);
  return { port, data, log, stop: stopOnce };
}

/** Well-behaved clients of a server; they are disconnected after the test. */
export async function startBystanders(server: HostileServer): Promise<Bystanders> {
  const bystanders = await Bystanders.start(server.port);
  cleanups.push(() => bystanders.stop());
  return bystanders;
}

/** A connection that is cut after the test. */
export async function connectRaw(server: HostileServer): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  onTestFinished(() => client.destroy());
  return client;
}

/** A connection that has logged in and is cut after the test. */
export async function loginRaw(
  server: HostileServer,
  login: Parameters<RawClient['login']>[0] = {},
): Promise<RawClient> {
  const client = await connectRaw(server);
  await client.login(login);
  return client;
}

/** A clock under the server's deadlines that can be put forward; real time goes on underneath. */
export function forwardableClock(): { forward(ms: number): void } {
  const real = performance.now.bind(performance);
  let offsetMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => real() + offsetMs);
  return {
    forward: (ms) => {
      offsetMs += ms;
    },
  };
}

/** Resolves when the server says that it has so many connections. */
export async function connectionsBecome(client: RawClient, expected: number): Promise<void> {
  const search = async (): Promise<void> => {
    while ((await connectionCount(client)) !== expected);
  };
  await within(search(), `${expected} connections`);
}

/** Connections the server has at the moment, as it says itself. */
export async function connectionCount(client: RawClient): Promise<number> {
  client.send({ type: 'INSPECT', request: 1 });
  const { state } = await client.take('INSPECTION');
  return (state.edges as { connections: number }[]).reduce((sum, { connections }) => sum + connections, 0);
}
