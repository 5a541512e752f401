import type { Command } from '../command.js';
import { jsonText } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { inspectionText } from '../inspection-text.js';
import { clientSettings, openClient, tellOutages } from '../open-client.js';
import { Output } from '../output.js';

/** `latecomer inspect`: what a running server is doing. */
export const inspect: Command = {
  name: 'inspect',
  summary: 'print the live state of a server: subscriptions, their states, queues, rewinds',
  usage: '[options]',
  settings: clientSettings,
  options: [{ flag: 'json', description: 'as one JSON object' }],
  positionalsMax: 0,

  async run(input) {
    const { options, terminal } = input;
    const client = await openClient(input, { publishes: false });
    tellOutages(client, terminal);
    try {
      const state = await client.inspect({ signal: terminal.interrupted });
      const output = new Output(terminal.stdout);
      const lines = options.has('json') ? [jsonText(state)] : inspectionText(state);
      for (const line of lines) output.line(line);
      await output.end();
    } finally {
      await client.close();
    }
    return ExitCode.done;
  },
};
