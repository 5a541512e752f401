import type { GroupConfig } from '../../actors/groups/group-config.js';
import type { InputConfig } from '../../actors/inputs/input-config.js';
import { Placement } from '../../actors/runtime/placement.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { Output } from '../output.js';
import { type Setting, settings } from '../settings.js';
import { startFailure } from '../start-failure.js';
import { table } from '../table.js';

/** `latecomer check`: what a server started like this would run with. */
export const check: Command = {
  name: 'check',
  summary: 'print the merged configuration and where each value comes from',
  usage: '[options]',
  settings: settings.map(({ key }) => key),
  options: [{ flag: 'json', description: 'print it as JSON, ready to be a configuration file' }],
  positionalsMax: 0,
  notes: ['Nothing is started. A bad value is reported as `serve` would report it.'],

  async run({ options, configuration, terminal }) {
    await checkPlacement(configuration.settings.actors);
    const output = new Output(terminal.stdout);
    if (options.has('json')) output.line(JSON.stringify(configuration.settings, undefined, 2));
    else for (const line of settingLines(configuration)) output.line(line);
    await output.end();
    return ExitCode.done;
  },
};

/** A placement file that cannot be used is bad configuration too. */
async function checkPlacement(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    await Placement.load(file, { named: true });
  } catch (error) {
    throw startFailure(error);
  }
}

function settingLines({ settings: merged, origins }: Parameters<Command['run']>[0]['configuration']): string[] {
  const rows = settings.map((setting) => [setting.key, valueText(merged, setting), origins.get(setting.key)!]);
  return table(['SETTING', 'VALUE', 'FROM'], rows);
}

function valueText(merged: object, { key, isSecret }: Setting): string {
  let value: unknown = merged;
  for (const part of key.split('.')) value = (value as Record<string, unknown>)[part];
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '(none)';
  if (isSecret) return '(set)';
  if (key === 'inputs') return (value as InputConfig[]).map(({ kind, name }) => `${name} (${kind})`).join(', ');
  if (key === 'groups') return (value as GroupConfig[]).map(({ name, tdMs }) => `${name} (td ${tdMs} ms)`).join(', ');
  return String(value);
}
