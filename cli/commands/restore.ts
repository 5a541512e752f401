import type { SessionReport } from '../../client/index.js';
import { restoreSession } from '../../storage/archive/index.js';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import {
  archivePath,
  askServer,
  offlineNote,
  printReport,
  sessionArgument,
  sessionOptions,
  sessionSettings,
} from '../session-command.js';
import { isOffline, withStore } from '../stopped-store.js';

/** `latecomer restore`: an archived session, served again. */
export const restore: Command = {
  name: 'restore',
  summary: 'bring an archived session back',
  usage: 'SESSION|FILE [options]',
  settings: sessionSettings,
  options: sessionOptions,
  positionalsMax: 1,
  notes: [
    'It gets a new epoch: whoever has a position in the session that was archived is told to start anew. A restore that is cut short leaves nothing.',
    `${offlineNote} A running server takes the name of a session that is in its archive directory; with --data it is the path of an archive.`,
  ],

  async run(input) {
    const argument = sessionArgument(input, 'the session, or the archive, to restore');
    const file = archivePath(argument, input);
    const report = isOffline(input) ? await restoreHere(input, file) : await restoreThere(input, argument, file);
    await printReport(input, 'restored', report);
    return ExitCode.done;
  },
};

function restoreThere(input: CommandInput, session: string, file: string | undefined): Promise<SessionReport> {
  if (file === undefined) return askServer(input, 'restore', session);
  throw new UsageError(
    'a running server restores a session by its name, from its own archive directory; a file goes with --data',
  );
}

function restoreHere(input: CommandInput, file: string | undefined): Promise<SessionReport> {
  if (file === undefined) throw new UsageError('with --data it is the path of an archive that is restored');
  const job = async (store: Parameters<typeof restoreSession>[0]): Promise<SessionReport> => {
    const session = await restoreSession(store, file);
    return { session, messages: session.lastSeq - (session.lost ?? 0), losses: [], file };
  };
  return withStore(input, job, { create: true });
}
