import { packageVersion } from '../actors/package-root.js';
import { CliError, UsageError } from './cli-error.js';
import type { Command } from './command.js';
import { archive } from './commands/archive.js';
import { check } from './commands/check.js';
import { coordinator } from './commands/coordinator.js';
import { discard } from './commands/discard.js';
import { exportCommand } from './commands/export.js';
import { inspect } from './commands/inspect.js';
import { participant } from './commands/participant.js';
import { publish } from './commands/publish.js';
import { restore } from './commands/restore.js';
import { roll } from './commands/roll.js';
import { serve } from './commands/serve.js';
import { sessions } from './commands/sessions.js';
import { tail } from './commands/tail.js';
import { verify } from './commands/verify.js';
import { loadConfiguration } from './config.js';
import { escapeControls } from './escape-controls.js';
import { ExitCode, signalExitCode } from './exit-codes.js';
import { commandHelp, generalHelp } from './help.js';
import { interruptedBy } from './interruption.js';
import { parseCommand } from './parse-command.js';
import { requestFailure } from './request-failure.js';
import { say } from './say.js';
import { suggestion } from './suggestion.js';
import type { Terminal } from './terminal.js';

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  serve,
  publish,
  tail,
  sessions,
  roll,
  discard,
  verify,
  archive,
  restore,
  exportCommand,
  coordinator,
  participant,
  inspect,
  check,
];

/** Those that say themselves what a signal means. */
const serverCommands: ReadonlySet<string> = new Set([serve.name, coordinator.name]);

/**
 * Run a command line.
 * @param argv what follows `latecomer`
 * @returns the status to exit with; whatever the user can put right has been said on stderr in one line
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const code = await dispatch(argv, terminal);
    const signal = interruptedBy(terminal.interrupted);
    return signal === undefined || serverCommands.has(argv[0]!) ? code : signalExitCode(signal);
  } catch (error) {
    const signal = interruptedBy(terminal.interrupted);
    if (signal !== undefined) return signalExitCode(signal);
    const known = requestFailure(error);
    if (!(known instanceof CliError)) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const lines = `internal error: ${detail}`.split('\n').map(escapeControls);
      terminal.stderr.write(`latecomer: ${lines.join('\n')}\n`);
      return ExitCode.internal;
    }
    const hint = known instanceof UsageError ? `; see latecomer ${helpWord(argv)}--help` : '';
    say(terminal, `${known.message}${hint}`);
    return known.exitCode;
  }
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...args] = argv;
  if (word === '--version' || word === '-V') return print(terminal, packageVersion());
  if (word === '--help' || word === '-h' || word === 'help') {
    return print(terminal, args[0] === undefined ? general() : commandHelp(find(args[0])));
  }
  if (word === undefined) {
    terminal.stderr.write(`${general()}\n`);
    return ExitCode.usage;
  }
  const command = find(word);
  const { help, flags, options, file, positionals } = parseCommand(command, args);
  if (help) return print(terminal, commandHelp(command));
  const configuration = loadConfiguration({ flags, env: terminal.env, cwd: terminal.cwd, file });
  return command.run({ options, positionals, configuration, args, terminal });
}

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = commands.map((candidate) => candidate.name);
  throw new UsageError(`there is no command ${JSON.stringify(name)}${suggestion(name, names)}`);
}

function general(): string {
  return generalHelp(commands, packageVersion());
}

function helpWord(argv: readonly string[]): string {
  return commands.some(({ name }) => name === argv[0]) ? `${argv[0]} ` : '';
}

function print(terminal: Terminal, text: string): number {
  terminal.stdout.write(`${text}\n`);
  return ExitCode.done;
}
