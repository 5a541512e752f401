import { StorageError } from '../storage/index.js';
import { CliError } from './cli-error.js';
import { ExitCode } from './exit-codes.js';

/**
 * A failure of the log or of an archive as one line and an exit status.
 * @returns a CliError for what a user can put right; anything else as it is
 */
export function storageFailure(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const options = { cause: error };
  if (error.code === 'ERR_DIRECTORY_IN_USE') {
    const message = `${error.message}: stop that server, or leave out --data to have it do this`;
    return new CliError(ExitCode.unavailable, message, options);
  }
  const exitCode = error.code === 'ERR_STORAGE_OPEN' ? ExitCode.unavailable : ExitCode.failed;
  return new CliError(exitCode, `${error.message} (${error.code})`, options);
}
