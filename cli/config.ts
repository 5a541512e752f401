import { existsSync } from 'node:fs';
import path from 'node:path';
import { type GroupConfig, GroupConfigError, readGroups } from '../actors/groups/group-config.js';
import { type InputConfig, readInputs } from '../actors/inputs/input-config.js';
import { InputError } from '../actors/inputs/input-error.js';
import { ConfigurationError } from './cli-error.js';
import { readConfigFile } from './config-file.js';
import { readyMadePlacements } from './placements.js';
import { type Setting, type Settings, settings } from './settings.js';

/** Everything a configuration can come from. */
export interface ConfigurationInput {
  /** Values of flags, by flag name. */
  flags: Readonly<Record<string, string | undefined>>;
  env: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here, and `latecomer.json` is looked for here. */
  cwd: string;
  /** A configuration file named by the user: it must exist. */
  file?: string | undefined;
}

/** The merged configuration. */
export interface Configuration {
  settings: Settings;
  /** Where each value came from, by setting key, in the order of the settings. */
  origins: ReadonlyMap<string, string>;
  /** The configuration file that was read, if any. */
  file: string | undefined;
}

/** Name of the configuration file that is read when it is there and no other is named. */
export const defaultFileName = 'latecomer.json';

/** Environment variable that names a configuration file, as `--config` does. */
export const fileVariable = 'LATECOMER_CONFIG';

/**
 * Merge flags over environment over configuration file over defaults, and check every value.
 * @throws ConfigurationError with one line that names the flag, variable or file, what was expected and what was found
 */
export function loadConfiguration(input: ConfigurationInput): Configuration {
  const file = configFile(input);
  const inFile = file === undefined ? new Map<string, unknown>() : readConfigFile(file);
  const values = new Map<string, unknown>();
  const origins = new Map<string, string>();
  for (const setting of settings) {
    const { value, origin } = settle(setting, input, file, inFile);
    values.set(setting.key, value);
    origins.set(setting.key, origin);
  }
  for (const key of ['generator.source', 'soupSource']) settleSource(key, values, origins);
  settleInputs(values, origins, file, input.cwd);
  settleGroups(values, origins);
  return { settings: nest(values), origins, file };
}

function configFile(input: ConfigurationInput): string | undefined {
  const named = input.file ?? nonEmpty(input.env[fileVariable]);
  if (named !== undefined) return path.resolve(input.cwd, named);
  const usual = path.join(input.cwd, defaultFileName);
  return existsSync(usual) ? usual : undefined;
}

function settle(
  setting: Setting,
  input: ConfigurationInput,
  file: string | undefined,
  inFile: ReadonlyMap<string, unknown>,
): { value: unknown; origin: string } {
  const { kind } = setting;
  const flag = input.flags[setting.flag];
  if (flag !== undefined) {
    const origin = `--${setting.flag}`;
    return { value: settled(setting, kind.fromText(flag), origin, flag, input.cwd), origin };
  }
  const variable = nonEmpty(input.env[setting.variable]);
  if (variable !== undefined) {
    const origin = setting.variable;
    return { value: settled(setting, kind.fromText(variable), origin, variable, input.cwd), origin };
  }
  if (file !== undefined && inFile.has(setting.key)) {
    const found = inFile.get(setting.key);
    const value = settled(setting, kind.fromJson(found), `${setting.key} in ${file}`, found, path.dirname(file));
    return { value, origin: file };
  }
  const value =
    setting.isPath && setting.fallback !== undefined
      ? resolvePath(setting, setting.fallback, input.cwd)
      : setting.fallback;
  return { value, origin: 'default' };
}

function settled(setting: Setting, value: unknown, origin: string, found: unknown, base: string): unknown {
  if (value === undefined) {
    throw new ConfigurationError(`${origin}: expected ${setting.kind.expected}, found ${JSON.stringify(found)}`);
  }
  return setting.isPath ? resolvePath(setting, value, base) : value;
}

function resolvePath(setting: Setting, value: unknown, base: string): string {
  const readyMade = setting.key === 'actors' ? readyMadePlacements.get(value as string) : undefined;
  return readyMade ?? path.resolve(base, value as string);
}

/** Unless it is said which, the generator feeds the first source, and Soup clients get it. */
function settleSource(key: string, values: Map<string, unknown>, origins: ReadonlyMap<string, string>): void {
  const sources = values.get('sources') as string[];
  const origin = origins.get(key)!;
  if (origin === 'default') values.set(key, sources[0]);
  else if (!sources.includes(values.get(key) as string)) {
    throw new ConfigurationError(
      `${key} from ${origin}: expected one of the sources ${sources.join(', ')}, found ${JSON.stringify(values.get(key))}`,
    );
  }
}

/** Paths of inputs start where the list stands. With inputs there is something to see: the generator is off unless asked for. */
function settleInputs(
  values: Map<string, unknown>,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
  cwd: string,
): void {
  const origin = origins.get('inputs')!;
  const directory = origin === file ? path.dirname(file) : cwd;
  const inputs = readInputsOf(origin, values.get('inputs'), directory, values.get('sources') as string[]);
  values.set('inputs', inputs);
  if (inputs.length > 0 && origins.get('generator.rate') === 'default') values.set('generator.rate', 0);
  const ofSoup = inputs.find(({ kind }) => kind === 'soup');
  if (ofSoup && values.get('soupPort') === 'off') {
    throw new ConfigurationError(
      `inputs from ${origin}: ${ofSoup.name} takes what Soup clients send; open a port for them with --soup-port`,
    );
  }
  const fed = values.get('generator.source');
  const relay = inputs.find((input) => input.kind === 'relay' && input.source === fed);
  if (relay && values.get('generator.rate') !== 0) {
    const asked = origins.get('generator.rate');
    throw new ConfigurationError(`generator from ${asked}: source ${fed} is fed by the relay ${relay.name} alone`);
  }
}

/** As with inputs: the generator is off unless asked for. */
function settleGroups(values: Map<string, unknown>, origins: ReadonlyMap<string, string>): void {
  const groups = readGroupsOf(origins.get('groups')!, values.get('groups'), values.get('sources') as string[]);
  values.set('groups', groups);
  if (groups.length > 0 && origins.get('generator.rate') === 'default') values.set('generator.rate', 0);
}

function readGroupsOf(origin: string, value: unknown, sources: readonly string[]): GroupConfig[] {
  try {
    return readGroups(value, sources);
  } catch (error) {
    if (error instanceof GroupConfigError)
      throw new ConfigurationError(`${origin}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readInputsOf(origin: string, value: unknown, directory: string, sources: readonly string[]): InputConfig[] {
  try {
    return readInputs(value, directory, sources);
  } catch (error) {
    if (error instanceof InputError) throw new ConfigurationError(`${origin}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** `generator.rate` and so on become an object inside the object; what is absent stays out. */
function nest(values: ReadonlyMap<string, unknown>): Settings {
  const nested: Record<string, unknown> = {};
  for (const [key, value] of values) {
    if (value === undefined) continue;
    const dot = key.indexOf('.');
    if (dot === -1) {
      nested[key] = value;
      continue;
    }
    const group = key.slice(0, dot);
    nested[group] = { ...(nested[group] as object | undefined), [key.slice(dot + 1)]: value };
  }
  return nested as unknown as Settings;
}

/** A variable that is set to nothing is one that is not set. */
function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
