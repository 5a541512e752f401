import { parseArgs } from 'node:util';
import { UsageError } from './cli-error.js';
import type { Command } from './command.js';
import { settings } from './settings.js';
import { suggestion } from './suggestion.js';

/** A command line, taken apart but with no value interpreted yet. */
export interface ParsedArguments {
  help: boolean;
  /** Values of the flags that are settings, by flag; a repeated one is joined with commas. */
  flags: Record<string, string>;
  /** Values of the command's own flags; `true` for one that takes no value. */
  options: Map<string, string | true>;
  /** The file given with `--config`. */
  file: string | undefined;
  positionals: string[];
}

/**
 * Take the arguments of a command apart.
 * @param args what follows the command's name
 * @throws UsageError with one line that names the argument
 */
export function parseCommand(command: Command, args: readonly string[]): ParsedArguments {
  const settingFlags = new Set(
    settings.filter((setting) => command.settings.includes(setting.key)).map((setting) => setting.flag),
  );
  const takesValue = new Map<string, boolean>([
    ['help', false],
    ['config', true],
  ]);
  for (const flag of settingFlags) takesValue.set(flag, true);
  for (const option of command.options) takesValue.set(option.flag, option.placeholder !== undefined);

  const parsed: ParsedArguments = { help: false, flags: {}, options: new Map(), file: undefined, positionals: [] };
  for (const token of tokensOf(takesValue, args)) {
    if (token.kind === 'positional') parsed.positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const value = checkedValue(command, token, takesValue);
    if (token.name === 'help') parsed.help = true;
    else if (token.name === 'config') parsed.file = value as string;
    else if (!settingFlags.has(token.name)) parsed.options.set(token.name, value);
    else if (token.name === 'source' && parsed.flags.source !== undefined) parsed.flags.source += `,${value}`;
    else parsed.flags[token.name] = value as string;
  }
  const extra = parsed.positionals[command.positionalsMax];
  if (extra !== undefined && !parsed.help) {
    throw new UsageError(`${command.name} does not take the argument ${JSON.stringify(extra)}`);
  }
  return parsed;
}

type Token =
  | { kind: 'option'; name: string; rawName: string; value?: string | undefined; inlineValue?: boolean | undefined }
  | { kind: 'positional'; value: string }
  | { kind: 'option-terminator' };

/** parseArgs' own complaints run over several sentences, so it is asked for tokens and they are checked here. */
function tokensOf(takesValue: ReadonlyMap<string, boolean>, args: readonly string[]): Token[] {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [flag, hasValue] of takesValue) options[flag] = { type: hasValue ? 'string' : 'boolean' };
  options.help = { type: 'boolean', short: 'h' };
  return parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true }).tokens;
}

function checkedValue(
  command: Command,
  token: Extract<Token, { kind: 'option' }>,
  takesValue: ReadonlyMap<string, boolean>,
): string | true {
  const { name, rawName, value, inlineValue } = token;
  const hasValue = takesValue.get(name);
  if (hasValue === undefined) {
    const dashed = command.positionalsMax > 0 ? '; a message that starts with a dash goes behind --' : '';
    throw new UsageError(
      `${command.name} has no option ${rawName}${suggestion(name, takesValue.keys(), '--')}${dashed}`,
    );
  }
  if (!hasValue) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value, found ${JSON.stringify(value)}`);
    return true;
  }
  if (value === undefined || (inlineValue !== true && value.startsWith('-'))) {
    throw new UsageError(`${rawName} needs a value`);
  }
  return value;
}
