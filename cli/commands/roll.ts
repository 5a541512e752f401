import type { Rolled } from '../../client/index.js';
import { UsageError } from '../cli-error.js';
import type { Command } from '../command.js';
import { escapeControls, jsonText } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { clientSettings, openClient, sourceOption, tellOutages } from '../open-client.js';
import { Output } from '../output.js';

/** `latecomer roll`: end the active session and start the one behind it. */
export const roll: Command = {
  name: 'roll',
  summary: 'end the active session of a source and start the next one',
  usage: '--reason TEXT [options]',
  settings: clientSettings,
  options: [
    sourceOption,
    { flag: 'reason', placeholder: 'TEXT', description: 'why; subscribers are told, and it stays in the catalogue' },
    {
      flag: 'discard',
      description: 'mark what the session holds as not to be used; it is kept and served all the same',
    },
    { flag: 'session', placeholder: 'NAME', description: 'only if this is the active one; S01 is the first of today' },
    { flag: 'json', description: 'as one JSON object: {"ended","opened"}' },
  ],
  positionalsMax: 0,
  notes: [
    'Publishers go on, into the next session; those who tail the source follow. A message is in one of the two, never in both.',
  ],

  async run(input) {
    const { options, terminal } = input;
    const reason = options.get('reason') as string | undefined;
    if (reason === undefined || reason.trim() === '') throw new UsageError('--reason is missing: say why');
    const session = options.get('session') as string | undefined;
    const client = await openClient(input, { publishes: false });
    tellOutages(client, terminal);
    try {
      const rolled = await client.roll({
        reason,
        discard: options.has('discard'),
        ...(session === undefined ? {} : { session }),
        signal: terminal.interrupted,
      });
      const output = new Output(terminal.stdout);
      output.line(options.has('json') ? jsonText(rolled) : rolledLine(rolled));
      await output.end();
    } finally {
      await client.close();
    }
    return ExitCode.done;
  },
};

function rolledLine({ ended, opened }: Rolled): string {
  const goesOn = `session ${escapeControls(opened.session)} is open`;
  if (!ended) return goesOn;
  const { session, firstSeq, lastSeq, discarded, reason = '' } = ended;
  const messages = lastSeq < firstSeq ? 'without a message' : `after message ${lastSeq}`;
  const how = `${discarded ? 'discarded' : 'ended'} ${messages}: ${reason}`;
  return escapeControls(`session ${session} ${how}; ${goesOn}`);
}
