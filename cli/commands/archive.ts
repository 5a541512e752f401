import path from 'node:path';
import type { SessionReport } from '../../client/index.js';
import { archiveName, archiveSession } from '../../storage/archive/index.js';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import {
  askServer,
  offlineNote,
  printReport,
  sessionArgument,
  sessionOptions,
  sessionSettings,
} from '../session-command.js';
import { findLog, isOffline, withStore } from '../stopped-store.js';

/** `latecomer archive`: a session that has ended, in one file. */
export const archive: Command = {
  name: 'archive',
  summary: 'write a session that has ended to one compressed file',
  usage: 'SESSION [options]',
  settings: [...sessionSettings, 'archiveDirectory'],
  options: sessionOptions,
  positionalsMax: 1,
  notes: [
    'The file is SOURCE-SESSION.latecomer.gz in the archive directory; it can be verified, exported and restored without the server that wrote it. Doing it again changes nothing.',
    `${offlineNote} The file is then put into --archive-directory, by default the working directory.`,
  ],

  async run(input) {
    const session = sessionArgument(input, 'the name of a session');
    await printReport(input, 'archived', await (isOffline(input) ? archiveHere : archiveThere)(input, session));
    return ExitCode.done;
  },
};

function archiveThere(input: CommandInput, session: string): Promise<SessionReport> {
  if (input.configuration.origins.get('archiveDirectory') === '--archive-directory') {
    throw new UsageError('a running server archives into its own directory: --archive-directory goes with --data');
  }
  return askServer(input, 'archive', session);
}

function archiveHere(input: CommandInput, session: string): Promise<SessionReport> {
  const { archiveDirectory = input.terminal.cwd } = input.configuration.settings;
  return withStore(input, async (store) => {
    const log = findLog(store, input, session);
    const file = path.join(archiveDirectory, archiveName(log.source, log.session));
    const { index, fileBytes } = await archiveSession(store, log, file);
    const { messages, lost: losses, bytes, digest } = index;
    return { session: { ...store.summary(log), bytes, digest }, messages, losses, file, fileBytes };
  });
}
