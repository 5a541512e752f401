import { LatecomerError, type LatecomerErrorCode } from '../client/index.js';
import { CliError } from './cli-error.js';
import { ExitCode } from './exit-codes.js';

/** The server is not there, or will not have us now. */
const unavailableCodes: ReadonlySet<LatecomerErrorCode> = new Set<LatecomerErrorCode>([
  'ERR_CONNECT',
  'ERR_DISCONNECTED',
  'ERR_NOT_LATECOMER',
  'ERR_TOO_MANY_CONNECTIONS',
  'ERR_LOGIN_TIMEOUT',
  'ERR_SILENT',
  'ERR_SHUTTING_DOWN',
]);

/**
 * A failure of the client library as one line and an exit status.
 * @returns a CliError for what a server or the network said; anything else as it is
 */
export function requestFailure(error: unknown): unknown {
  if (!(error instanceof LatecomerError)) return error;
  const exitCode = unavailableCodes.has(error.code) ? ExitCode.unavailable : ExitCode.failed;
  return new CliError(exitCode, `${error.message} (${error.code})`, { cause: error });
}

/** The same for a connection that could not be made: the usual reason is that no server runs. */
export function connectFailure(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof LatecomerError) || error.code !== 'ERR_CONNECT') return requestFailure(error);
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  const place = `${host}:${port}`;
  if (code === 'ECONNREFUSED') {
    const message = `no server listens on ${place}: start one with \`latecomer serve\`, or name another with --host and --port`;
    return new CliError(ExitCode.unavailable, message, { cause: error });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new CliError(ExitCode.unavailable, `there is no host ${host}: name another with --host`, { cause: error });
  }
  return requestFailure(error);
}
