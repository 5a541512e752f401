import { constants } from 'node:os';

/** What the command's exit status says; the numbers above 63 are those of sysexits(3). */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 64,
  input: 65,
  unavailable: 69,
  internal: 70,
  configuration: 78,
} as const;

/** The table `--help` prints. */
export const exitCodeTable: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done; for publish: every message was acknowledged'],
  ['1', 'the server refused it, or not everything was acknowledged'],
  ['64', 'wrong usage of the command'],
  ['65', 'the input cannot be published, such as a line that is too long'],
  ['69', 'no server there; for serve: the port or the data directory is in use'],
  ['70', 'the server failed, or kept failing until its supervisor gave up'],
  ['78', 'bad configuration'],
  ['130', 'ended with Ctrl-C (128 + the number of the signal)'],
];

/** Signals that end a command. */
export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The signals of {@link EndingSignal}. */
export const endingSignals: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Exit status of a process that a signal ended, as a shell reports it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
