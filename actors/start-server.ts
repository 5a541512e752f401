import { join } from 'node:path';
import type { Logger } from 'pino';
import { Store } from '../storage/index.js';
import { letHeapGrow } from './heap.js';
import type { OpenRelay } from './inputs/inputs.js';
import { packageRoot, packageVersion } from './package-root.js';
import { Placement, System } from './runtime/index.js';
import ServerActor, { type ServerParameters } from './server.js';
import type { ServerAddress } from './server-address.js';
import type { ServerConfig } from './server-config.js';

/** A server that runs. */
export interface RunningServer extends ServerAddress {
  /**
   * Drain and stop: no new logins, what was accepted is settled, clients are told to reconnect. Resolves within 10 s,
   * when no forked process is left; may be called again.
   */
  stop(): Promise<void>;
  /** Resolves when a part of the server cannot be kept running: stop it and exit with an error. */
  failed: Promise<Error>;
}

/** Bounds of a stop, which together stay below 10 s. */
const drainMs = 5_500;
const actorStopMs = 1_500;
const addressMs = 5_000;

/**
 * Start a server in this process, and the forks its placement asks for.
 * @param parts.openRelay makes its inputs of kind relay
 * @throws PlacementError `ERR_PLACEMENT`; StorageError `ERR_DIRECTORY_IN_USE`, `ERR_STORAGE_OPEN`; the system's error when
 *   the address cannot be had
 */
export async function startServer(
  config: ServerConfig,
  logger: Logger,
  { openRelay }: { openRelay?: OpenRelay } = {},
): Promise<RunningServer> {
  letHeapGrow();
  const named = config.actors !== undefined;
  const placement = await Placement.load(config.actors ?? join(packageRoot, 'actors.json'), { named });
  const { durability, ringBytesMax, pageCacheBytesMax, diskReserveBytes, outcomeDeadlineMs } = config;
  const clock = Date.now;
  const store = await Store.open({
    directory: config.data,
    durability,
    ringBytesMax,
    pageCacheBytesMax,
    diskReserveBytes,
    outcomeDeadlineMs,
    clock,
    logger,
  });
  let onGiveUp!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => {
    onGiveUp = resolve;
  });
  const server = `latecomer/${packageVersion()}`;
  const { system, root, address } = await startActors(
    { config, store, placement, server, clock, openRelay, onGiveUp },
    logger,
  );
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    await root.ask('drain', {}, { timeoutMs: drainMs }).catch((error: Error) => {
      logger.warn({ error: error.message }, 'drain cut short');
    });
    await system.stop();
    await store.close();
  };
  return {
    ...address,
    failed,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** What was started is stopped again when a later part cannot start. */
async function startActors(parameters: ServerParameters, logger: Logger) {
  const system = await System.start({ logger, stopTimeoutMs: actorStopMs });
  try {
    const root = await system.spawn({ actor: ServerActor }, { name: 'Server', parameters });
    return { system, root, address: await root.ask('address', {}, { timeoutMs: addressMs }) };
  } catch (error) {
    await system.stop();
    await parameters.store.close();
    throw error;
  }
}
