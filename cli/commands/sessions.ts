import type { Command } from '../command.js';
import { jsonText } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { clientSettings, openClient, sourceOption, tellOutages } from '../open-client.js';
import { Output } from '../output.js';
import { sessionsText } from '../sessions-text.js';

/** `latecomer sessions`: the catalogue of a running server. */
export const sessions: Command = {
  name: 'sessions',
  summary: 'list the sessions a server keeps',
  usage: '[options]',
  settings: clientSettings,
  options: [
    { ...sourceOption, description: 'sessions of this source only' },
    { flag: 'json', description: 'a JSON object a line' },
  ],
  positionalsMax: 0,
  notes: [
    'Times are UTC. A session that was discarded is not to be used; it is kept and served like any other.',
    'Size and SHA-256 are there once an ended session was read as a whole; --json has all of them.',
  ],

  async run(input) {
    const { options, terminal } = input;
    const client = await openClient(input, { publishes: false });
    tellOutages(client, terminal);
    try {
      const source = options.get('source') as string | undefined;
      const list = await client.sessions({ ...(source === undefined ? {} : { source }), signal: terminal.interrupted });
      const output = new Output(terminal.stdout);
      const lines = options.has('json') ? list.map((session) => jsonText(session)) : sessionsText(list, Date.now());
      for (const line of lines) output.line(line);
      await output.end();
    } finally {
      await client.close();
    }
    return ExitCode.done;
  },
};
