import type { SessionSummary } from '../../client/index.js';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { escapeControls, jsonText } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { openClient, tellOutages } from '../open-client.js';
import { Output } from '../output.js';
import { offlineNote, sessionArgument, sessionOptions, sessionSettings } from '../session-command.js';
import { findLog, isOffline, withStore } from '../stopped-store.js';

/** `latecomer discard`: what a session that has ended holds is not to be used. */
export const discard: Command = {
  name: 'discard',
  summary: 'mark a session that has ended as not to be used',
  usage: 'SESSION --reason TEXT [options]',
  settings: sessionSettings,
  options: [
    ...sessionOptions,
    { flag: 'reason', placeholder: 'TEXT', description: 'why; subscribers are told, and it stays in the catalogue' },
  ],
  positionalsMax: 1,
  notes: [
    'It is kept and served as before. Done again, it changes nothing: the first reason stays. The active session is discarded with: latecomer roll --discard.',
    offlineNote,
  ],

  async run(input) {
    const session = sessionArgument(input, 'the name of a session');
    const reason = input.options.get('reason') as string | undefined;
    if (reason === undefined || reason.trim() === '') throw new UsageError('--reason is missing: say why');
    const discarded = await (isOffline(input) ? discardHere : discardThere)(input, session, reason);
    const output = new Output(input.terminal.stdout);
    output.line(input.options.has('json') ? jsonText(discarded) : lineOf(discarded));
    await output.end();
    return ExitCode.done;
  },
};

async function discardThere(input: CommandInput, session: string, reason: string): Promise<SessionSummary> {
  const client = await openClient(input, { publishes: false });
  tellOutages(client, input.terminal);
  try {
    return await client.discard({ session, reason, signal: input.terminal.interrupted });
  } finally {
    await client.close();
  }
}

function discardHere(input: CommandInput, session: string, reason: string): Promise<SessionSummary> {
  return withStore(input, (store) => store.keeping.discard(findLog(store, input, session), reason));
}

function lineOf({ source, session, discardReason = '' }: SessionSummary): string {
  return escapeControls(`session ${session} of ${source} is discarded: ${discardReason}`);
}
