import type { SessionSummary } from '../../client/index.js';
import type { Command } from '../command.js';
import { escapeControls, jsonText } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { clientSettings, openClient, sourceOption, tellOutages } from '../open-client.js';
import { Output } from '../output.js';
import { table } from '../table.js';

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

  async run(input) {
    const { options, terminal } = input;
    const client = await openClient(input, { publishes: false });
    tellOutages(client, terminal);
    try {
      const source = options.get('source') as string | undefined;
      const list = await client.sessions({ ...(source === undefined ? {} : { source }), signal: terminal.interrupted });
      const output = new Output(terminal.stdout);
      const lines = options.has('json') ? list.map((session) => jsonText(session)) : sessionLines(list);
      for (const line of lines) output.line(line);
      await output.end();
    } finally {
      await client.close();
    }
    return ExitCode.done;
  },
};

function sessionLines(list: readonly SessionSummary[]): string[] {
  const headings = ['SOURCE', 'SESSION', 'STATE', 'FIRST', 'LAST', 'STARTED', 'ENDED', 'REASON'];
  const rows = list.map(({ source, session, state, firstSeq, lastSeq, createdMs, endedMs, reason }) => [
    source,
    session,
    state,
    String(firstSeq),
    String(lastSeq),
    time(createdMs),
    endedMs === undefined ? '' : time(endedMs),
    reason ?? '',
  ]);
  return table(
    headings,
    rows.map((row) => row.map(escapeControls)),
  );
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
