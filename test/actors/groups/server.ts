import { onTestFinished } from 'vitest';
import type { GroupConfig } from '../../../actors/groups/group-config.js';
import { Placement } from '../../../actors/runtime/index.js';
import ServerActor from '../../../actors/server.js';
import { defaultServerConfig, type ServerConfig } from '../../../actors/server-config.js';
import { Store, type StoreOptions } from '../../../storage/index.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { startSystem } from '../actor-system.js';
import { silent } from '../support.js';

/** How a server is started. */
export interface GroupServerOptions {
  /** Goes on with a directory. */
  data?: string;
  clock?: () => number;
  group?: Partial<GroupConfig>;
  config?: Partial<ServerConfig>;
  store?: Partial<StoreOptions>;
}

/** A server in this process. */
export interface GroupServer {
  port: number;
  data: string;
  store: Store;
  inspect(): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** A server with one group, `news`, that has a time bound of an hour. */
export async function serverWithGroup(options: GroupServerOptions = {}): Promise<GroupServer> {
  const { clock = Date.now, data = await directoryOfTest() } = options;
  const config: ServerConfig = {
    ...defaultServerConfig,
    data,
    port: 0,
    generator: { ...defaultServerConfig.generator, rate: 0 },
    groups: [
      { name: 'news', tdMs: 3_600_000, lagMs: 7_200_000, membersMax: 100, dialBack: 'same-address', ...options.group },
    ],
    ...options.config,
  };
  const store = await Store.open({ directory: data, durability: 'os', clock, logger: silent, ...options.store });
  const system = await startSystem();
  const parameters = { config, store, placement: Placement.inMemory(), server: 'test/1', clock };
  const onGiveUp = (error: Error): never => {
    throw error;
  };
  const root = await system.spawn({ actor: ServerActor }, { name: 'Server', parameters: { ...parameters, onGiveUp } });
  const { port } = await root.ask('address', {}, { timeoutMs: 5_000 });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await root.ask('drain', {}, { timeoutMs: 20_000 });
    await system.stop();
    await store.close();
  };
  const server: GroupServer = {
    port,
    data,
    store,
    inspect: () => root.ask('inspect', {}, { timeoutMs: 5_000 }),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
  onTestFinished(() => server.stop());
  return server;
}

async function directoryOfTest(): Promise<string> {
  const { directory, remove } = await temporaryDirectory();
  onTestFinished(remove);
  return directory;
}
