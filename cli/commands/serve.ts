import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { CliError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { createLogger } from '../logger.js';
import { runServer } from '../run-server.js';
import { type Settings, settings } from '../settings.js';
import { supervise } from '../supervise.js';
import type { Terminal } from '../terminal.js';

/** The flag of the process that is the server itself. */
const unsupervised = 'no-supervisor';

/** `latecomer serve`: the stream server. */
export const serve: Command = {
  name: 'serve',
  summary: 'run a server',
  usage: '[options]',
  settings: settings.map(({ key }) => key),
  options: [{ flag: unsupervised, description: 'run in one process, without one that restarts it when it dies' }],
  positionalsMax: 0,
  notes: [
    'When the server accepts connections it prints `listening on HOST:PORT` on stdout; the log is on stderr, as JSON or, on a terminal, as text.',
    'SIGTERM ends it cleanly: no new logins, what was accepted is written, clients are told to reconnect, exit code 0. So does Ctrl-C, with 130. A second one ends it at once.',
  ],

  run(input) {
    return input.options.has(unsupervised) ? serveHere(input) : serveSupervised(input);
  },
};

function serveSupervised({ args, configuration, terminal }: CommandInput): Promise<number> {
  const { interrupted, abandoned } = terminal;
  return supervise({
    module: fileURLToPath(new URL('../latecomer.js', import.meta.url)),
    args: [serve.name, ...args, `--${unsupervised}`],
    stdin: configuration.settings.inputs.some(({ kind }) => kind === 'stdin') ? 'inherit' : 'ignore',
    logger: createLogger(configuration.settings.logLevel, process.stderr).child({ role: 'supervisor' }),
    interrupted,
    abandoned,
  });
}

async function serveHere({ configuration, terminal }: CommandInput): Promise<number> {
  const logger = createLogger(configuration.settings.logLevel, process.stderr);
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught error: the server ends');
    process.exit(ExitCode.internal);
  });
  try {
    return await startHere(configuration.settings, logger, terminal);
  } catch (error) {
    if (error instanceof CliError) throw error;
    logger.fatal({ err: error }, 'server could not be started');
    return ExitCode.internal;
  }
}

async function startHere(config: Settings, logger: Logger, { interrupted, stdout }: Terminal): Promise<number> {
  // Only this process needs the server's code; the supervisor stays small.
  const { startServer } = await import('../../actors/start-server.js');
  const { openRelay } = await import('../relay.js');
  return runServer({
    start: () => startServer(config, logger, { openRelay }),
    logger,
    interrupted,
    print: (line) => stdout.write(`${line}\n`),
    supervisor: process.connected ? process : undefined,
  });
}
