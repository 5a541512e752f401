import type { SessionReport } from '../../client/index.js';
import { type ArchiveIndex, checkSession, verifyArchive } from '../../storage/archive/index.js';
import type { Store } from '../../storage/index.js';
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
import { findLog, isOffline, withStore } from '../stopped-store.js';
import { storageFailure } from '../storage-failure.js';

/** `latecomer verify`: is every bit of a session, or of an archive, as it was written? */
export const verify: Command = {
  name: 'verify',
  summary: 'read all of a session, or of an archive, and tell what is damaged',
  usage: 'SESSION|FILE [options]',
  settings: sessionSettings,
  options: sessionOptions,
  positionalsMax: 1,
  notes: ['It exits with 1 when messages are lost.', `An archive needs no server. For a session: ${offlineNote}`],

  async run(input) {
    const argument = sessionArgument(input, 'the session, or the archive, to verify');
    const report = await verified(input, argument);
    const whole = report.losses.length === 0;
    await printReport(input, whole ? 'verified' : 'DAMAGED', report);
    return whole ? ExitCode.done : ExitCode.failed;
  },
};

function verified(input: CommandInput, argument: string): Promise<SessionReport> {
  const file = archivePath(argument, input);
  if (file !== undefined) return verifyFile(file);
  if (!isOffline(input)) return askServer(input, 'verify', argument);
  return withStore(input, (store) => verifyHere(store, input, argument));
}

async function verifyHere(store: Store, input: CommandInput, name: string): Promise<SessionReport> {
  const log = findLog(store, input, name);
  const { lastSeq } = log;
  const { lost, losses, digest, bytes } = await checkSession(store, log);
  return { session: { digest, ...store.summary(log), bytes, lost }, messages: lastSeq - lost, losses };
}

async function verifyFile(file: string): Promise<SessionReport> {
  try {
    const { index, fileBytes, damage } = await verifyArchive(file);
    const damaged = damage.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    const losses = [...index.lost, ...damage].sort((one, other) => one.from - other.from);
    return { session: summaryOf(index), messages: Math.max(0, index.messages - damaged), losses, file, fileBytes };
  } catch (error) {
    throw storageFailure(error);
  }
}

function summaryOf(index: ArchiveIndex): SessionReport['session'] {
  const { source, session, epoch, createdMs, endedMs, reason, lastSeq, bytes, digest } = index;
  const facts = { source, session, epoch, createdMs, endedMs, reason, lastSeq, bytes, digest };
  return { log: 0, state: 'ended', firstSeq: 1, ...facts };
}
