import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import { Placement, System } from '../../actors/runtime/index.js';
import ServerActor from '../../actors/server.js';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { type Page, Store } from '../../storage/index.js';

/** A server in this process, over a store whose reads may be made to fail. */
export interface ServerUnderTest {
  port: number;
  inspect(): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/**
 * Start a server on a port and a directory of its own.
 * @param read what becomes of every page read from the log; `page` reads it
 */
export async function startServerUnderTest(
  more: Partial<ServerConfig>,
  read: (page: () => Promise<Page>) => Promise<Page>,
): Promise<ServerUnderTest> {
  const data = await mkdtemp(join(tmpdir(), 'latecomer-sim-'));
  const generator = { ...defaultServerConfig.generator, rate: 0 };
  const config: ServerConfig = { ...defaultServerConfig, data, port: 0, generator, ...more };
  const logger = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
  const { durability, ringBytesMax, pageCacheBytesMax } = config;
  const clock = Date.now;
  const store = await Store.open({ directory: data, durability, ringBytesMax, pageCacheBytesMax, clock, logger });
  const readPage = store.read.bind(store);
  vi.spyOn(store, 'read').mockImplementation((log, from, to) => read(() => readPage(log, from, to)));
  const placement = await Placement.load(join(data, 'no-placement.json'), { named: false });
  const system = await System.start({ logger });
  const onGiveUp = (error: Error) => {
    throw error;
  };
  const parameters = { config, store, placement, server: 'latecomer/simulated', clock, onGiveUp };
  const root = await system.spawn({ actor: ServerActor }, { name: 'Server', parameters });
  const { port } = await root.ask('address', {}, { timeoutMs: 5_000 });
  return {
    port,
    inspect: () => root.ask('inspect', {}, { timeoutMs: 5_000 }),
    stop: async () => {
      await system.stop();
      await store.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}
