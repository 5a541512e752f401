import { join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { EdgeInspection } from '../../actors/edge.js';
import { Placement, System } from '../../actors/runtime/index.js';
import ServerActor from '../../actors/server.js';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { type Page, Store } from '../../storage/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startEdgeUnderTest } from './edge-under-test.js';

export const logger = pino({ level: process.env.LOG_LEVEL ?? 'silent' });

/** What may be in front of the log: nothing, or an edge with the data socket between them. */
export type Front = 'one process' | 'an edge';

/** A server in this process, over a store whose reads may be made to fail. */
export interface ServerUnderTest {
  port: number;
  /** The edges of the server, as `latecomer inspect` shows them. */
  inspect(): Promise<EdgeInspection[]>;
  stop(): Promise<void>;
}

/**
 * Start a server on a port and a directory of its own.
 * @param read what becomes of every page read from the log; `page` reads it, from `store`
 */
export async function startServerUnderTest(
  front: Front,
  more: Partial<ServerConfig>,
  read: (page: () => Promise<Page>, store: Store) => Promise<Page>,
): Promise<ServerUnderTest> {
  const { directory: data, remove } = await temporaryDirectory();
  const generator = { ...defaultServerConfig.generator, rate: 0 };
  const config: ServerConfig = { ...defaultServerConfig, data, port: 0, generator, ...more };
  const { durability, ringBytesMax, pageCacheBytesMax } = config;
  const options = { directory: data, durability, ringBytesMax, pageCacheBytesMax, clock: Date.now, logger };
  const store = await Store.open(options);
  const readPage = store.read.bind(store);
  vi.spyOn(store, 'read').mockImplementation((log, from, to) => read(() => readPage(log, from, to), store));
  const system = await System.start({ logger });
  const start = front === 'an edge' ? startEdgeUnderTest : startWhole;
  const { port, inspect, stop } = await start(system, store, config);
  return {
    port,
    inspect,
    stop: async () => {
      await stop();
      await store.close();
      await remove();
    },
  };
}

/** Everything as it is by default. */
async function startWhole(system: System, store: Store, config: ServerConfig): Promise<ServerUnderTest> {
  const placement = await Placement.load(join(config.data, 'no-placement.json'), { named: false });
  const onGiveUp = (error: Error) => {
    throw error;
  };
  const parameters = { config, store, placement, server: 'latecomer/simulated', clock: Date.now, onGiveUp };
  const root = await system.spawn({ actor: ServerActor }, { name: 'Server', parameters });
  const { port } = await root.ask('address', {}, { timeoutMs: 5_000 });
  return {
    port,
    inspect: async () => (await root.ask('inspect', {}, { timeoutMs: 5_000 })).edges as EdgeInspection[],
    stop: () => system.stop(),
  };
}
