import path from 'node:path';
import type { Client } from '../../client/index.js';
import {
  ArchiveReader,
  type ExportedMessage,
  messagesOf,
  readSession,
  writeBinaryFile,
} from '../../storage/archive/index.js';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { openClient, sourceOf, tellOutages } from '../open-client.js';
import { say } from '../say.js';
import { archivePath, offlineNote, sessionArgument, sessionOptions, sessionSettings } from '../session-command.js';
import { findLog, isOffline, withStore } from '../stopped-store.js';
import { storageFailure } from '../storage-failure.js';

/** A session as it is exported. */
interface Exported {
  session: string;
  lastSeq: number;
  ended: boolean;
  messages: AsyncIterable<ExportedMessage>;
}

/** `latecomer export`: a session as a NASDAQ BinaryFILE. */
export const exportCommand: Command = {
  name: 'export',
  summary: 'write a session, or an archive, as a NASDAQ BinaryFILE',
  usage: 'SESSION|FILE OUTPUT [options]',
  settings: sessionSettings,
  options: sessionOptions.filter(({ flag }) => flag === 'source'),
  positionalsMax: 2,
  notes: [
    'Each message is its length, two bytes, big-endian, and its payload; a length of 0 ends a session that has ended. The format has no numbers, no times and no gaps: a session with lost messages, empty ones or ones of more than 65535 bytes is refused.',
    `An archive needs no server. Of a session the messages there are now are written. ${offlineNote}`,
  ],

  async run(input) {
    const argument = sessionArgument(input, 'the session, or the archive, to export');
    const [, output] = input.positionals;
    if (output === undefined) throw new UsageError('the file to write is missing');
    await exported(input, argument, path.resolve(input.terminal.cwd, output));
    return ExitCode.done;
  },
};

async function exported(input: CommandInput, argument: string, output: string): Promise<void> {
  const file = archivePath(argument, input);
  try {
    if (file !== undefined) await fromArchive(input, file, output);
    else if (isOffline(input)) await fromStore(input, argument, output);
    else await fromServer(input, argument, output);
  } catch (error) {
    throw storageFailure(error);
  }
}

async function write({ terminal }: CommandInput, output: string, from: Exported): Promise<void> {
  const { session, lastSeq, ended, messages } = from;
  await writeBinaryFile(output, messages, { lastSeq, ended });
  const end = ended ? 'with its end' : 'without an end: it is active';
  say(terminal, `exported ${lastSeq} messages of session ${session} to ${output}, ${end}`);
}

async function fromArchive(input: CommandInput, file: string, output: string): Promise<void> {
  const reader = await ArchiveReader.open(file);
  try {
    const { session, lastSeq } = reader.index;
    await write(input, output, { session, lastSeq, ended: true, messages: messagesOf(reader.parts()) });
  } finally {
    await reader.close();
  }
}

function fromStore(input: CommandInput, name: string, output: string): Promise<void> {
  return withStore(input, async (store) => {
    const log = findLog(store, input, name);
    const { session, lastSeq, state } = log;
    const messages = messagesOf(readSession(store, log, {}));
    await write(input, output, { session, lastSeq, ended: state === 'ended', messages });
  });
}

async function fromServer(input: CommandInput, name: string, output: string): Promise<void> {
  const client = await openClient(input, { publishes: false });
  tellOutages(client, input.terminal);
  try {
    const source = sourceOf(input);
    const { session, epoch, lastSeq, state } = await client.session({ source, session: name });
    const messages = rerequested(client, { source, session, epoch, to: lastSeq, signal: input.terminal.interrupted });
    await write(input, output, { session, lastSeq, ended: state === 'ended', messages });
  } finally {
    await client.close();
  }
}

async function* rerequested(
  client: Client,
  range: { source: string; session: string; epoch: string; to: number; signal: AbortSignal },
): AsyncGenerator<ExportedMessage> {
  if (range.to > 0) yield* client.rerequest({ ...range, from: 1 });
}
