import path from 'node:path';
import { limits } from '../../protocol/index.js';
import { nearest } from '../runtime/nearest.js';
import { InputError } from './input-error.js';

/** What every input has. */
interface InputOf<Kind extends string> {
  kind: Kind;
  /** Its position is kept under this name; no other input of the server has it. */
  name: string;
  /** The source it feeds. */
  source: string;
}

/** What an input that reads lines has. */
interface LinesOf<Kind extends string> extends InputOf<Kind> {
  /** Longest line. */
  lineBytesMax: number;
  /** The line that is no message: it ends the session. */
  endOfDay?: string;
}

/** What an HTTP endpoint is given. */
export interface HttpInputConfig extends InputOf<'http'> {
  host: string;
  port: number;
  /** Path of the endpoint. */
  path: string;
  /** File that holds the bearer token. */
  tokenFile: string;
  bodyBytesMax: number;
  connectionsMax: number;
  /** A request, and its answer, may take so long. */
  requestMs: number;
}

/** What a relay is given. */
export interface RelayInputConfig extends InputOf<'relay'> {
  host: string;
  port: number;
  /** The source of the other server; its first one when not given. */
  upstreamSource?: string;
}

/** What takes the Unsequenced Data of Soup clients. */
export type SoupInputConfig = InputOf<'soup'>;

/** An input as it is configured. */
export type InputConfig =
  | (LinesOf<'file'> & { path: string })
  | (LinesOf<'directory'> & { path: string })
  | LinesOf<'stdin'>
  | HttpInputConfig
  | RelayInputConfig
  | SoupInputConfig
  | (InputOf<'module'> & { path: string; options?: unknown });

/** How a value of an input is checked; `undefined` says that it is not what was expected. */
interface Field {
  expected: string;
  take(value: unknown, directory: string): unknown;
  /** The value it has when it is not given; without it, it has to be. */
  fallback?: unknown;
  optional?: true;
}

const text: Field = {
  expected: 'a text that is not empty',
  take: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
};
const file: Field = {
  expected: 'a path',
  take: (value, directory) => (typeof value === 'string' && value !== '' ? path.resolve(directory, value) : undefined),
};
const name: Field = {
  expected: `a name of 1 to ${limits.nameBytesMax} bytes without commas, spaces or control characters`,
  take: (value) => {
    if (typeof value !== 'string' || value === '' || Buffer.byteLength(value) > limits.nameBytesMax) return undefined;
    return /^[^\s,\p{Cc}]+$/u.test(value) ? value : undefined;
  },
};
const urlPath: Field = {
  expected: 'a path that starts with a slash',
  take: (value) => (typeof value === 'string' && value.startsWith('/') ? value : undefined),
};
const integer = (minimum: number, maximum: number): Field => ({
  expected: `a whole number from ${minimum} to ${maximum}`,
  take: (value) =>
    Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum ? value : undefined,
});
const optional = (field: Field): Field => ({ ...field, optional: true });
const or = (field: Field, fallback: unknown): Field => ({ ...field, fallback });

const lines = {
  lineBytesMax: or(integer(1, limits.payloadBytesMax), limits.payloadBytesMax),
  endOfDay: optional(text),
};
const host = or(text, '127.0.0.1');

/** What each kind of input takes beside kind, name and source. */
export const inputFields: Record<InputConfig['kind'], Record<string, Field>> = {
  file: { path: file, ...lines },
  directory: { path: file, ...lines },
  stdin: lines,
  http: {
    host,
    port: integer(0, 65_535),
    path: or(urlPath, '/'),
    tokenFile: file,
    bodyBytesMax: or(integer(1, 64 * 1024 * 1024), 1024 * 1024),
    connectionsMax: or(integer(1, 10_000), 64),
    requestMs: or(integer(100, 600_000), 10_000),
  },
  relay: { host, port: integer(1, 65_535), upstreamSource: optional(name) },
  soup: {},
  module: { path: file, options: optional({ expected: 'any value', take: (value) => value }) },
};

const kinds = Object.keys(inputFields);

/**
 * Check a list of inputs as it stands in a configuration.
 * @param directory relative paths start here
 * @param sources of the server; the first is the one of an input that names none
 * @throws InputError `ERR_INPUT_CONFIGURATION` with the first thing that is wrong
 */
export function readInputs(value: unknown, directory: string, sources: readonly string[]): InputConfig[] {
  if (!Array.isArray(value)) throw wrong('inputs', 'a list of inputs', value);
  const inputs = value.map((entry, index) => readInput(entry, `inputs[${index}]`, directory, sources));
  for (const [index, input] of inputs.entries()) {
    const others = inputs.slice(0, index);
    checkAlone(input, others);
  }
  return inputs;
}

function readInput(entry: unknown, at: string, directory: string, sources: readonly string[]): InputConfig {
  if (!isMap(entry)) throw wrong(at, 'an object with kind and name', entry);
  const { kind, ...given } = entry;
  if (!kinds.includes(kind as string)) throw wrong(`${at}.kind`, kinds.join(' or '), kind, nearestOf(kind, kinds));
  const own = inputFields[kind as InputConfig['kind']];
  const source: Field = {
    expected: `one of the sources ${sources.join(', ')}`,
    take: (value) => (sources.includes(value as string) ? value : undefined),
    fallback: sources[0],
  };
  const fields: Record<string, Field> = { name, source, ...own };
  for (const key of Object.keys(given)) {
    if (key in fields) continue;
    const expected = `of a ${kind} input one of ${Object.keys(fields).join(', ')}`;
    throw wrong(at, expected, key, nearestOf(key, Object.keys(fields)));
  }
  const taken = Object.entries(fields).flatMap(([key, field]) => {
    const value = takeField(field, given[key], `${at}.${key}`, directory);
    return value === undefined ? [] : [[key, value]];
  });
  return { kind, ...Object.fromEntries(taken) };
}

function takeField(field: Field, given: unknown, at: string, directory: string): unknown {
  if (given === undefined) {
    if (field.optional || field.fallback !== undefined) return field.fallback;
    throw wrong(at, field.expected, undefined);
  }
  const value = field.take(given, directory);
  if (value === undefined) throw wrong(at, field.expected, given);
  return value;
}

/** A name is one input's, and so are standard input, the Soup port and the source of a relay. */
function checkAlone(input: InputConfig, others: readonly InputConfig[]): void {
  const fail = (why: string) => {
    throw new InputError('ERR_INPUT_CONFIGURATION', `inputs: ${why}`);
  };
  for (const other of others) {
    if (other.name === input.name) fail(`two are called ${input.name}; give each a name of its own`);
    if (other.kind === 'soup' && input.kind === 'soup') fail('two take what Soup clients send; one can');
    if (other.kind === 'stdin' && input.kind === 'stdin') fail('two read standard input; one can');
    if (other.source !== input.source || (other.kind !== 'relay' && input.kind !== 'relay')) continue;
    fail(`${other.name} and ${input.name} feed source ${input.source}; a relay needs a source of its own`);
  }
}

function wrong(at: string, expected: string, found: unknown, hint = ''): InputError {
  const value = found === undefined ? 'nothing' : JSON.stringify(found);
  return new InputError('ERR_INPUT_CONFIGURATION', `${at}: expected ${expected}, found ${value}${hint}`);
}

function nearestOf(word: unknown, known: readonly string[]): string {
  const near = typeof word === 'string' ? nearest(word, known) : undefined;
  return near ? `; did you mean ${near}?` : '';
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
