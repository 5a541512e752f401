import type { Command } from './command.js';
import { exitCodeTable } from './exit-codes.js';
import { type Setting, settings } from './settings.js';

const width = 100;

/** Help on the whole command. */
export function generalHelp(commands: readonly Command[], version: string): string {
  return [
    `latecomer ${version} – a stream server on which joining late costs nothing`,
    '',
    'Usage: latecomer COMMAND [options]',
    '',
    'Commands:',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options:',
    ...columns([
      ['-h, --help', 'this help; behind a command, help on it'],
      ['--version', 'the version'],
    ]),
    '',
    ...exitCodes(),
    '',
    'A setting is taken from its flag, else its environment variable (LATECOMER_PORT for --port), else the',
    'configuration file, else its default. `latecomer check` prints what that comes to.',
  ].join('\n');
}

/** Help on one command. */
export function commandHelp(command: Command): string {
  const own = command.options.map(({ flag, placeholder, description }): [string, string] => [
    placeholder === undefined ? `--${flag}` : `--${flag} ${placeholder}`,
    description,
  ]);
  const taken = settings.filter(({ key }) => command.settings.includes(key));
  return [
    `${command.summary[0]!.toUpperCase()}${command.summary.slice(1)}.`,
    '',
    `Usage: latecomer ${command.name} ${command.usage}`,
    '',
    'Options:',
    ...columns([
      ...own,
      ...taken.map(settingRow),
      ['--config PATH', 'configuration file (JSON) [LATECOMER_CONFIG, else ./latecomer.json when it is there]'],
      ['-h, --help', 'this help'],
    ]),
    ...(command.notes ?? []).flatMap((note) => ['', ...wrap(note, width)]),
    '',
    ...exitCodes(),
  ].join('\n');
}

function settingRow({ flag, kind, variable, description, fallback }: Setting): [string, string] {
  const standard = fallback === undefined ? '' : `, default ${fallback}`;
  return [`--${flag} ${kind.placeholder}`, `${description} [${variable}${standard}]`];
}

function exitCodes(): string[] {
  return ['Exit codes:', ...columns(exitCodeTable)];
}

/** Two columns, the second one wrapped; a long first cell stands on a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const indent = Math.min(30, Math.max(...rows.map(([left]) => left.length)) + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, width - indent).map((line) => ' '.repeat(indent) + line);
    const head = `  ${left}`;
    if (head.length + 2 > indent) return [head, ...lines];
    return [head.padEnd(indent) + lines[0]!.trimStart(), ...lines.slice(1)];
  });
}

function wrap(text: string, columnWidth: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columnWidth) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
