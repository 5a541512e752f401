import { readFileSync } from 'node:fs';
import { ConfigurationError } from './cli-error.js';
import { settings } from './settings.js';
import { suggestion } from './suggestion.js';

/**
 * Read a configuration file.
 * @param file path of a JSON file of the form `{ "port": 7070, "generator": { "rate": 2 } }`
 * @returns the values it holds by setting key (`port`, `generator.rate`), not yet checked
 * @throws ConfigurationError when it cannot be read, is not JSON, or names a setting that does not exist
 */
export function readConfigFile(file: string): Map<string, unknown> {
  const content = parse(file);
  const known = new Set(settings.map((setting) => setting.key));
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(content)) {
    if (known.has(key)) values.set(key, value);
    else if (key === 'generator') readGenerator(value, file, values, known);
    else throw unknown(key, file, topLevelKeys(known));
  }
  return values;
}

/** The generator is written in full, or as what `--generator` takes: a rate, or "off". */
function readGenerator(value: unknown, file: string, values: Map<string, unknown>, known: ReadonlySet<string>): void {
  if (!isMap(value)) {
    values.set('generator.rate', value);
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    const key = `generator.${name}`;
    if (!known.has(key)) throw unknown(key, file, known);
    values.set(key, part);
  }
}

function parse(file: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : message.replaceAll(/\s+/g, ' ');
    throw new ConfigurationError(`cannot read the configuration file ${file}: ${reason}`, { cause: error });
  }
  if (!isMap(content)) throw new ConfigurationError(`${file}: expected a JSON object of settings`);
  return content;
}

function unknown(key: string, file: string, candidates: Iterable<string>): ConfigurationError {
  return new ConfigurationError(`${file}: there is no setting ${JSON.stringify(key)}${suggestion(key, candidates)}`);
}

function topLevelKeys(keys: Iterable<string>): Set<string> {
  return new Set([...keys].map((key) => key.split('.')[0]!));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
