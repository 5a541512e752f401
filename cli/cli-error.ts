import { ExitCode } from './exit-codes.js';

/** Something the user can put right: `message` is one line that says what and how, `exitCode` the status to end with. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line is not what the command takes. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super(ExitCode.usage, message);
  }
}

/** A setting has a value the server cannot run with. */
export class ConfigurationError extends CliError {
  override readonly name = 'ConfigurationError';

  constructor(message: string, options?: { cause?: unknown }) {
    super(ExitCode.configuration, message, options);
  }
}
