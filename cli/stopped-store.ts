import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Log, StorageError, Store } from '../storage/index.js';
import { CliError } from './cli-error.js';
import type { CommandInput } from './command.js';
import { ExitCode } from './exit-codes.js';
import { createLogger } from './logger.js';
import { sourceOf } from './open-client.js';
import { storageFailure } from './storage-failure.js';

/** Whether a command works on the data of a server that is stopped: whoever means that says so with `--data`. */
export function isOffline({ configuration }: CommandInput): boolean {
  return configuration.origins.get('data') === '--data';
}

/**
 * Open the data directory of a stopped server for `job`, and close it again.
 * @param create whether there need be nothing in it yet
 * @throws CliError when it cannot be opened, or when `job` has failed for a reason the user can put right
 */
export async function withStore<T>(
  { configuration }: CommandInput,
  job: (store: Store) => Promise<T>,
  { create = false } = {},
): Promise<T> {
  const { data, logLevel, diskReserveBytes } = configuration.settings;
  if (!create && !existsSync(path.join(data, 'CURRENT'))) {
    throw new CliError(ExitCode.unavailable, `there is no data of a server in ${data}`);
  }
  try {
    const store = await Store.open({
      directory: data,
      durability: 'disk',
      clock: Date.now,
      logger: createLogger(logLevel === 'info' ? 'warn' : logLevel, process.stderr),
      diskReserveBytes,
      coalesceMs: 0,
      saveMs: 0,
    });
    try {
      return await job(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw storageFailure(error);
  }
}

/** @throws CliError when there is no such session */
export function findLog(store: Store, input: CommandInput, session: string): Log {
  const source = sourceOf(input);
  const found = store.findSession(source, session);
  if (found) return store.log(found.log)!;
  throw storageFailure(
    new StorageError('ERR_NO_ARCHIVE', `source ${source} has no session ${session}; --source names another source`),
  );
}
