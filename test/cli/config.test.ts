import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultServerConfig } from '../../actors/server-config.js';
import { ConfigurationError } from '../../cli/cli-error.js';
import { loadConfiguration } from '../../cli/config.js';
import { settings } from '../../cli/settings.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let cwd: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  ({ directory: cwd, remove } = await temporaryDirectory());
});

afterEach(() => remove());

const load = (input: { flags?: Record<string, string>; env?: Record<string, string>; file?: string } = {}) =>
  loadConfiguration({ flags: input.flags ?? {}, env: input.env ?? {}, cwd, file: input.file });

const writeConfig = (content: unknown, name = 'latecomer.json') =>
  writeFile(path.join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));

describe('loadConfiguration', () => {
  it('has every default of the server when nothing is set', () => {
    expect(load().settings).toEqual({
      ...defaultServerConfig,
      data: path.join(cwd, 'latecomer-data'),
      logLevel: 'info',
    });
  });

  it('knows every value of the server configuration', () => {
    const keys = Object.entries({
      ...defaultServerConfig,
      actors: undefined,
      archiveDirectory: undefined,
      rollAt: undefined,
      soupUser: undefined,
      soupPassword: undefined,
      logLevel: 'info',
    }).flatMap(([key, value]) =>
      key === 'generator' ? Object.keys(value as object).map((name) => `${key}.${name}`) : [key],
    );
    expect(settings.map(({ key }) => key).sort()).toEqual(keys.sort());
  });

  it('takes a flag over the environment, that over the file, and that over the default', async () => {
    await writeConfig({ port: 1, host: 'file', durability: 'os' });
    const { settings: merged, origins } = load({
      flags: { port: '3' },
      env: { LATECOMER_PORT: '2', LATECOMER_HOST: 'variable' },
    });
    expect(merged).toMatchObject({ port: 3, host: 'variable', durability: 'os', loginsMax: 1_000 });
    expect(['port', 'host', 'durability', 'loginsMax'].map((key) => origins.get(key))).toEqual([
      '--port',
      'LATECOMER_HOST',
      path.join(cwd, 'latecomer.json'),
      'default',
    ]);
  });

  it('reads the file that is named instead of the usual one', async () => {
    await writeConfig({ port: 1 });
    await writeConfig({ port: 2 }, 'other.json');
    expect(load({ file: 'other.json' }).settings.port).toBe(2);
    expect(load({ env: { LATECOMER_CONFIG: 'other.json' } }).settings.port).toBe(2);
  });

  it('starts relative paths from the working directory, or from the directory of the file they stand in', async () => {
    await writeConfig({ data: './log' }, 'other.json');
    const elsewhere = loadConfiguration({ flags: {}, env: {}, cwd: os.tmpdir(), file: path.join(cwd, 'other.json') });
    expect(elsewhere.settings.data).toBe(path.join(cwd, 'log'));
    expect(load({ flags: { data: 'log' } }).settings.data).toBe(path.join(cwd, 'log'));
  });

  it('treats an environment variable that is set to nothing as not set', () => {
    expect(load({ env: { LATECOMER_PORT: '', LATECOMER_CONFIG: '' } }).settings.port).toBe(7070);
  });

  it('takes the generator as a rate, as off, or in full', async () => {
    expect(load({ flags: { generator: 'off' } }).settings.generator.rate).toBe(0);
    expect(load({ env: { LATECOMER_GENERATOR: '0.5' } }).settings.generator.rate).toBe(0.5);
    await writeConfig({ generator: 'off' });
    expect(load().settings.generator.rate).toBe(0);
    await writeConfig({ generator: { rate: 7, payloadBytes: 8 } });
    expect(load().settings.generator).toEqual({ rate: 7, payloadBytes: 8, count: 0, source: 'main' });
  });

  it('feeds the first source with the generator unless another is named', () => {
    expect(load({ flags: { source: 'a,b' } }).settings).toMatchObject({
      sources: ['a', 'b'],
      generator: { source: 'a' },
    });
    const named = load({ flags: { source: 'a,b', 'generator-source': 'b' } });
    expect(named.settings.generator.source).toBe('b');
  });

  it('takes the Soup port as a number or as off, and a user and a password as a login holds them', async () => {
    expect(load().settings.soupPort).toBe('off');
    expect(load({ flags: { 'soup-port': '0' } }).settings.soupPort).toBe(0);
    await writeConfig({ soupPort: 7071, soupUser: 'alice' });
    expect(load().settings).toMatchObject({ soupPort: 7071, soupUser: 'alice' });
    expect(load({ flags: { 'soup-port': 'off' } }).settings.soupPort).toBe('off');
    expect(load({ env: { LATECOMER_SOUP_PASSWORD: 'secret' } }).settings.soupPassword).toBe('secret');
  });

  it('settles groups; with them the generator is off unless it is asked for', async () => {
    await writeConfig({ groups: [{ name: 'news', td: '2m' }] });
    const { settings: merged } = load();
    expect(merged.groups).toMatchObject([{ name: 'news', tdMs: 120_000 }]);
    expect(merged.generator.rate).toBe(0);
    expect(load({ flags: { generator: '3' } }).settings.generator.rate).toBe(3);
    expect(() => load({ flags: { groups: '[{"name":"main","td":1}]' } })).toThrow(
      '--groups: groups[0].name: expected a name no source and no other group has, found "main"',
    );
    expect(() => load({ flags: { groups: 'news' } })).toThrow('--groups: expected a JSON list of groups, found "news"');
  });

  it('settles inputs from where they stand; with them the generator is off unless it is asked for', async () => {
    await writeConfig({ inputs: [{ kind: 'file', name: 'app', path: './app.log' }] });
    const { settings: merged } = load();
    expect(merged.inputs).toMatchObject([{ kind: 'file', source: 'main', path: path.join(cwd, 'app.log') }]);
    expect([merged.generator.rate, load({ flags: { generator: '3' } }).settings.generator.rate]).toEqual([0, 3]);
    const relay = JSON.stringify([{ kind: 'relay', name: 'up', port: 1 }]);
    expect(() => load({ flags: { inputs: relay, generator: '3' } })).toThrow(
      new ConfigurationError('generator from --generator: source main is fed by the relay up alone'),
    );
    expect(() => load({ flags: { inputs: '[{"kind":"fil"}]' } })).toThrow(
      /^--inputs: inputs\[0\]\.kind: expected file or .*, found "fil"; did you mean file\?$/,
    );
  });

  it('finds the ready-made placements by name', () => {
    expect(load({ flags: { actors: 'edges' } }).settings.actors).toMatch(/actors\/placements\/edges\.json$/);
    expect(load({ flags: { actors: './edges' } }).settings.actors).toBe(path.join(cwd, 'edges'));
  });
});

describe('loadConfiguration refuses, in one line that says where', () => {
  const cases: [why: string, input: Parameters<typeof load>[0], message: RegExp][] = [
    ['a flag', { flags: { port: '70000' } }, /^--port: expected a whole number from 0 to 65535, found "70000"$/],
    ['a variable', { env: { LATECOMER_DURABILITY: 'maybe' } }, /^LATECOMER_DURABILITY: expected disk or os, found/],
    ['a number with a unit', { flags: { 'ring-bytes-max': '16MiB' } }, /^--ring-bytes-max: expected a whole number/],
    ['a user of 7 characters', { flags: { 'soup-user': 'abcdefg' } }, /^--soup-user: expected 1 to 6 printable/],
    ['a password with a pad', { flags: { 'soup-password': 'a b' } }, /^--soup-password: expected 1 to 10 printable/],
    ['a port that is neither', { flags: { 'soup-port': 'on' } }, /^--soup-port: expected off, or a whole number/],
    ['a negative rate', { flags: { generator: '-1' } }, /^--generator: expected off, or messages a second/],
    ['a source twice', { flags: { source: 'a,a' } }, /^--source: expected a list of different names/],
    ['a source of 65 bytes', { flags: { source: 'x'.repeat(65) } }, /^--source: expected a list of different names/],
    ['a generator without its source', { flags: { 'generator-source': 'b' } }, /one of the sources main, found "b"$/],
    ['a file that is not there', { file: 'nope.json' }, /nope\.json: there is no such file$/],
  ];

  it.each(cases)('%s', (_, input, message) => {
    expect(() => load(input)).toThrow(ConfigurationError);
    expect(() => load(input)).toThrow(message);
  });

  it.each([
    ['a value in the file', { port: '7070' }, /port in .*latecomer\.json: expected .* found "7070"$/],
    [
      'a setting that does not exist',
      { prot: 1 },
      /latecomer\.json: there is no setting "prot" \(did you mean port\?\)$/,
    ],
    [
      'one of the generator',
      { generator: { rat: 1 } },
      /no setting "generator\.rat" \(did you mean generator\.rate\?\)$/,
    ],
    ['what is not an object', [], /expected a JSON object of settings$/],
    ['what is not JSON', '{\n  "port": }', /^cannot read the configuration file [^\n]+$/],
  ])('%s', async (_, content, message) => {
    await writeConfig(content);
    expect(() => load()).toThrow(ConfigurationError);
    expect(() => load()).toThrow(message);
  });
});
