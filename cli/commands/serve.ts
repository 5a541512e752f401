import type { Command } from '../command.js';
import { runServerCommand, unsupervisedOption } from '../server-command.js';
import { settings } from '../settings.js';

/** `latecomer serve`: the stream server. */
export const serve: Command = {
  name: 'serve',
  summary: 'run a server',
  usage: '[options]',
  settings: settings.map(({ key }) => key),
  options: [unsupervisedOption],
  positionalsMax: 0,
  notes: [
    'When the server accepts connections it prints `listening on HOST:PORT` on stdout; the log is on stderr, as JSON or, on a terminal, as text.',
    'SIGTERM ends it cleanly: no new logins, what was accepted is written, clients are told to reconnect, exit code 0. So does Ctrl-C, with 130. A second one ends it at once.',
  ],

  run(input) {
    return runServerCommand(serve.name, input, input.configuration.settings);
  },
};
