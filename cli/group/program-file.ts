import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../cli-error.js';
import type { SettingKind } from '../setting-kinds.js';
import { suggestion } from '../suggestion.js';

/** One value of a program's file: which line it is on, or under which key of a JSON file. */
export interface FileField {
  key: string;
  /** What it is, for errors. */
  name: string;
  kind: SettingKind;
  /** Its value when it is absent; a field without one must be there. */
  fallback?: unknown;
  /** Whether it has a line, in the order of the fields; the others are only in JSON files. */
  onLine: boolean;
}

/**
 * Read a file with one value a line, or the same values and more in a JSON object.
 * @returns values by key; a field that is absent and has no fallback is left out when `undefined` is its fallback
 * @throws ConfigurationError that names file, line or key, what was expected and what was found
 */
export function readProgramFile(file: string, fields: readonly FileField[]): Record<string, unknown> {
  const text = read(file);
  const found = text.trimStart().startsWith('{') ? fromJson(file, text, fields) : fromLines(file, text, fields);
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const value = found.has(field.key) ? found.get(field.key) : absent(file, field);
    if (value !== undefined) values[field.key] = value;
  }
  return values;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : message;
    throw new ConfigurationError(`cannot read ${file}: ${reason}`, { cause: error });
  }
}

function fromLines(file: string, text: string, fields: readonly FileField[]): Map<string, unknown> {
  const lines = text.split('\n').map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const onLines = fields.filter(({ onLine }) => onLine);
  const extra = lines[onLines.length];
  if (extra !== undefined) {
    const expected = `${onLines.length} lines: ${onLines.map(({ name }) => name).join(', ')}`;
    throw new ConfigurationError(`${file}: expected ${expected}; found another line, ${JSON.stringify(extra)}`);
  }
  const values = new Map<string, unknown>();
  for (const [index, line] of lines.entries()) {
    const { key, name, kind } = onLines[index]!;
    const value = kind.fromText(line);
    if (value === undefined) throw unexpected(`${file}, line ${index + 1} (${name})`, kind, line);
    values.set(key, value);
  }
  return values;
}

function fromJson(file: string, text: string, fields: readonly FileField[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [key, found] of Object.entries(parse(file, text))) {
    const field = fields.find((candidate) => candidate.key === key);
    if (field === undefined) {
      const keys = fields.map((candidate) => candidate.key);
      throw new ConfigurationError(`${file}: there is no key ${JSON.stringify(key)}${suggestion(key, keys)}`);
    }
    const value = field.kind.fromJson(found);
    if (value === undefined) throw unexpected(`${key} in ${file}`, field.kind, found);
    values.set(key, value);
  }
  return values;
}

function parse(file: string, text: string): object {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message.replaceAll(/\s+/g, ' ');
    throw new ConfigurationError(`cannot read ${file}: ${reason}`, { cause: error });
  }
}

function absent(file: string, field: FileField): unknown {
  if ('fallback' in field) return field.fallback;
  throw new ConfigurationError(`${file}: ${field.name} is missing; expected ${field.kind.expected}`);
}

function unexpected(where: string, kind: SettingKind, found: unknown): ConfigurationError {
  return new ConfigurationError(`${where}: expected ${kind.expected}, found ${JSON.stringify(found)}`);
}
