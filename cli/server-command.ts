import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { CliError } from './cli-error.js';
import type { CommandInput, CommandOption } from './command.js';
import { ExitCode } from './exit-codes.js';
import { createLogger } from './logger.js';
import { runServer } from './run-server.js';
import type { Settings } from './settings.js';
import { supervise } from './supervise.js';
import type { Terminal } from './terminal.js';

/** The option of the process that is the server itself. */
export const unsupervisedOption: CommandOption = {
  flag: 'no-supervisor',
  description: 'run in one process, without one that restarts it when it dies',
};

/**
 * Run a server: in this process, or, unless the command line says otherwise, in one that this process starts with the same
 * command line and restarts when it dies.
 * @param name of the command
 * @returns the status to exit with
 */
export function runServerCommand(name: string, input: CommandInput, settings: Settings): Promise<number> {
  const { options, args, terminal } = input;
  if (options.has(unsupervisedOption.flag)) return serveHere(settings, terminal);
  const { interrupted, abandoned } = terminal;
  return supervise({
    module: fileURLToPath(new URL('./latecomer.js', import.meta.url)),
    args: [name, ...args, `--${unsupervisedOption.flag}`],
    stdin: settings.inputs.some(({ kind }) => kind === 'stdin') ? 'inherit' : 'ignore',
    logger: createLogger(settings.logLevel, process.stderr).child({ role: 'supervisor' }),
    interrupted,
    abandoned,
  });
}

async function serveHere(settings: Settings, terminal: Terminal): Promise<number> {
  const logger = createLogger(settings.logLevel, process.stderr);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught error: the server ends');
    process.exit(ExitCode.internal);
  });
  try {
    return await startHere(settings, logger, terminal);
  } catch (error) {
    if (error instanceof CliError) throw error;
    logger.fatal({ err: error }, 'server could not be started');
    return ExitCode.internal;
  }
}

async function startHere(config: Settings, logger: Logger, { interrupted, stdout }: Terminal): Promise<number> {
  // Only this process needs the server's code; the supervisor stays small.
  const { startServer } = await import('../actors/start-server.js');
  const { openRelay } = await import('./relay.js');
  return runServer({
    start: () => startServer(config, logger, { openRelay }),
    logger,
    interrupted,
    print: (line) => stdout.write(`${line}\n`),
    supervisor: process.connected ? process : undefined,
  });
}
