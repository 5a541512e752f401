import type { Configuration } from './config.js';
import type { Terminal } from './terminal.js';

/** A flag of one command, beyond those that are settings. */
export interface CommandOption {
  /** Without the dashes. */
  flag: string;
  /** Stands for the value in `--help`; absent for a flag that takes none. */
  placeholder?: string;
  description: string;
}

/** What a command runs with. */
export interface CommandInput {
  /** Values of its options by flag; `true` for a flag without value. */
  options: ReadonlyMap<string, string | true>;
  positionals: readonly string[];
  configuration: Configuration;
  /** The command line behind the command's name, as it was. */
  args: readonly string[];
  terminal: Terminal;
}

/** One command of `latecomer`. */
export interface Command {
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** What stands behind `latecomer NAME` in its usage line. */
  usage: string;
  /** Keys of the settings it takes as flags. */
  settings: readonly string[];
  options: readonly CommandOption[];
  /** Most arguments it takes that are not flags. */
  positionalsMax: number;
  /** Paragraphs at the end of its help. */
  notes?: readonly string[];
  /**
   * Do it.
   * @returns the status to exit with
   * @throws CliError for what the user can put right
   */
  run(input: CommandInput): Promise<number>;
}
