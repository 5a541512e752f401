import { CliError, ConfigurationError } from './cli-error.js';
import { ExitCode } from './exit-codes.js';

/** What a failed start carries besides its message. */
type StartError = Error & { code?: string; address?: string; port?: number; setting?: string };

/**
 * Why a server could not be started, as one line and an exit status.
 * @returns a CliError for what a user can put right; the error itself when it is not known to be that
 */
export function startFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error;
  const { code, message, address, port, setting = '--port' } = error as StartError;
  const options = { cause: error };
  const place = `${address ?? ''}:${port ?? ''}`;
  switch (code) {
    case 'EADDRINUSE':
      return new CliError(
        ExitCode.unavailable,
        `port ${place} is in use: stop the server that has it, or choose another with ${setting} (0 picks a free one)`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      if (port === undefined) return new CliError(ExitCode.unavailable, `no permission: ${message}`, options);
      return new CliError(
        ExitCode.unavailable,
        `no permission to listen on ${place}: choose another ${setting}`,
        options,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigurationError(`host: there is no such address here: ${message}`, options);
    case 'ERR_PLACEMENT':
    case 'ERR_TOO_MANY_SESSIONS':
      return new ConfigurationError(message, options);
    case 'ERR_DIRECTORY_IN_USE':
    case 'ERR_STORAGE_OPEN':
      return new CliError(ExitCode.unavailable, message, options);
    default:
      return error;
  }
}
