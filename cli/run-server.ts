import { once } from 'node:events';
import type { Logger } from 'pino';
import type { RunningServer } from '../actors/start-server.js';
import { ExitCode, signalExitCode } from './exit-codes.js';
import { interruptedBy } from './interruption.js';
import { signalGroup } from './process-group.js';
import { startFailure } from './start-failure.js';
import type { ListeningNotice } from './supervise.js';
import { within } from './within.js';

/** How long a server may take to end, in milliseconds. */
export interface StopDeadlines {
  /** Asked to: what is under way is finished and clients are told. */
  drainMs: number;
  /** After a failure, or when its supervisor is gone: something else is waiting for its port. */
  failedMs: number;
}

/** What a server process runs with. */
export interface RunServerOptions {
  /** Start the server; usually `startServer` with its configuration. */
  start: () => Promise<RunningServer>;
  logger: Logger;
  /** Aborted by a signal that asks it to end. */
  interrupted: AbortSignal;
  /** Called with the lines that say where it listens. */
  print: (line: string) => void;
  /** The IPC channel to the supervisor, when there is one. */
  supervisor?: SupervisorChannel | undefined;
  deadlines?: StopDeadlines;
}

/** What is used of a process that was started with an IPC channel. */
export interface SupervisorChannel {
  connected: boolean;
  pid: number;
  send?: ((message: ListeningNotice) => unknown) | undefined;
  once(event: 'disconnect', listener: () => void): unknown;
}

/**
 * Run a server in this process until a signal, its failure, or the loss of its supervisor ends it.
 * @returns the status to exit with
 * @throws CliError when it cannot be started for a reason the user can put right
 */
export async function runServer(options: RunServerOptions): Promise<number> {
  const { logger, interrupted, supervisor } = options;
  const { drainMs, failedMs } = options.deadlines ?? { drainMs: 8_500, failedMs: 2_000 };
  const ending = endOf(interrupted, supervisor);
  const server = await startUnlessEnded(options, ending, drainMs);
  if (server === undefined) return codeOf(interrupted);
  const end = await Promise.race([ending, server.failed]);
  if (end instanceof Error) logger.fatal({ err: end }, 'server failed');
  else logger.info({ reason: end }, 'server is ending');
  const stopped = await within(
    server.stop().then(() => true),
    end === 'signal' ? drainMs : failedMs,
  ).catch((error: unknown) => {
    logger.error({ err: error }, 'server could not be stopped cleanly');
    return false;
  });
  if (stopped === undefined) logger.error('server did not stop in time');
  else if (stopped) logger.info('server stopped');

  if (end === 'orphaned') endOwnGroup(supervisor);
  if (end !== 'signal') return ExitCode.internal;
  return stopped === true ? codeOf(interrupted) : ExitCode.internal;
}

/** A server that is asked to end while it starts is waited for, so that what it opened is closed again. */
async function startUnlessEnded(
  options: RunServerOptions,
  ending: Promise<unknown>,
  deadlineMs: number,
): Promise<RunningServer | undefined> {
  const starting = options.start();
  const outcome = await Promise.race([starting.then(() => 'started'), ending]).catch((error: unknown) => {
    throw startFailure(error);
  });
  if (outcome !== 'started') {
    return within(
      starting.catch(() => undefined),
      deadlineMs,
    );
  }
  const server = await starting;
  announce(server, options);
  return server;
}

/** Resolves with what ends the server from outside. */
async function endOf(
  interrupted: AbortSignal,
  supervisor: SupervisorChannel | undefined,
): Promise<'signal' | 'orphaned'> {
  const signal = interrupted.aborted ? Promise.resolve() : once(interrupted, 'abort');
  const orphaned = new Promise<'orphaned'>((resolve) => {
    supervisor?.once('disconnect', () => resolve('orphaned'));
  });
  return Promise.race([signal.then(() => 'signal' as const), orphaned]);
}

function announce(server: RunningServer, { logger, print, supervisor }: RunServerOptions): void {
  const { host, port, soupPort } = server;
  const soup = soupPort === undefined ? {} : { soupPort };
  logger.info({ host, port, ...soup }, 'listening');
  const place = host.includes(':') ? `[${host}]` : host;
  // Who waits for the line that says it is ready has read this one by then.
  if (soupPort !== undefined) print(`Soup clients on ${place}:${soupPort}`);
  print(`listening on ${place}:${port}`);
  if (supervisor?.connected === true) supervisor.send?.({ type: 'listening', host, port, ...soup });
}

/** Nobody else is left to end a fork that is stopped or hangs. This process leads the group, so it goes with it. */
function endOwnGroup(supervisor: SupervisorChannel | undefined): void {
  if (supervisor !== undefined) signalGroup(supervisor.pid, 'SIGKILL');
}

function codeOf(interrupted: AbortSignal): number {
  const signal = interruptedBy(interrupted);
  return signal === undefined || signal === 'SIGTERM' ? ExitCode.done : signalExitCode(signal);
}
