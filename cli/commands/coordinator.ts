import path from 'node:path';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { readCoordinatorFile } from '../group/coordinator-file.js';
import { runServerCommand, unsupervisedOption } from '../server-command.js';
import type { Settings } from '../settings.js';

/** `latecomer coordinator`: a server with one group. */
export const coordinator: Command = {
  name: 'coordinator',
  summary: 'run a server with one group of participants',
  usage: 'FILE [options]',
  settings: ['data', 'host', 'port', 'durability', 'actors', 'diskReserveBytes', 'logLevel'],
  options: [unsupervisedOption],
  positionalsMax: 1,
  notes: [
    'FILE has two lines: the port, and the time in seconds that a participant may be away without losing a message. Or it is JSON: { "port": 7070, "td": "10m" }, with "group", "host", "lag", "membersMax" and "dialBack" where they are needed.',
    'What it has to remember is in the directory FILE.data, unless --data names another.',
    'Everything else is as with serve: `latecomer inspect` shows the members.',
  ],

  run(input) {
    return runServerCommand(coordinator.name, input, settingsOf(input));
  },
};

/** The file stands above a configuration file, and below flags and environment. */
function settingsOf({ positionals, configuration, terminal }: CommandInput): Settings {
  const [argument] = positionals;
  if (argument === undefined) throw new UsageError('the file of the coordinator is missing');
  const file = path.resolve(terminal.cwd, argument);
  const { port, host, group } = readCoordinatorFile(file);
  const { settings, origins } = configuration;
  const isGiven = (key: string): boolean => /^(--|LATECOMER_)/.test(origins.get(key)!);
  return {
    ...settings,
    port: isGiven('port') ? settings.port : port,
    host: isGiven('host') ? settings.host : (host ?? settings.host),
    data: isGiven('data') ? settings.data : `${file}.data`,
    sources: [],
    groups: [group],
    inputs: [],
    generator: { ...settings.generator, rate: 0 },
  };
}
