import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { latecomer } from '../support/latecomer-process.js';
import { startHostileServer, temporaryDirectory } from './support.js';

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

/** Run the built command to its end. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return new Promise((resolve) => {
    const options = { cwd: directory, env: { PATH: process.env.PATH, ...env }, timeout: 20_000 };
    execFile(process.execPath, [latecomer, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : ((error as { code?: number | null }).code ?? null);
      resolve({ code, stdout, stderr });
    });
  });
}

/** One line of complaint that holds this, nothing on stdout, and an exit code of its own. */
function complains({ code, stdout, stderr }: Result, words: readonly string[], expected: number): void {
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect([code, stdout, lines.length], stderr).toEqual([expected, '', 1]);
  for (const word of words) expect(lines[0]).toContain(word);
  expect(stderr).not.toMatch(/\n\s+at /);
}

describe.runIf(existsSync(latecomer))('a configuration that is wrong', () => {
  it.each([
    ['a port out of range', { port: 70_000 }, ['port', '70000']],
    ['a port that is text', { port: 'http' }, ['port', 'http']],
    ['a durability that does not exist', { durability: 'tape' }, ['durability', 'tape']],
    ['a setting that does not exist', { prot: 1 }, ['prot', 'port']],
    ['a generator of a source that does not exist', { generator: { source: 'x' } }, ['generator.source', 'x']],
    ['a limit of 0', { connectionsMax: 0 }, ['connectionsMax']],
    ['no source', { sources: [] }, ['sources']],
    ['an array', [], ['object']],
  ])('is refused by check and by serve in one line: %s', async (_, content, words) => {
    const file = join(directory, 'wrong.json');
    await writeFile(file, JSON.stringify(content));
    const [checked, served] = await Promise.all([run(['check', '--config', file]), run(['serve', '--config', file])]);
    complains(checked, words, 78);
    complains(served, words, 78);
  });

  it.each([
    ['is not JSON', '{ "port": '],
    ['is binary', '\u0000\u0001\u0002'],
    ['is nested beyond reason', '['.repeat(100_000)],
  ])('is refused when the file %s', async (_, content) => {
    const file = join(directory, 'wrong.json');
    await writeFile(file, content);
    complains(await run(['check', '--config', file]), ['wrong.json'], 78);
  });

  it('is refused when the file does not exist, or is a directory', async () => {
    await mkdir(join(directory, 'folder'));
    complains(await run(['check', '--config', 'none.json']), ['none.json', 'no such file'], 78);
    complains(await run(['check', '--config', 'folder']), ['folder'], 78);
  });

  it('is refused when it comes from the environment', async () => {
    complains(await run(['check'], { LATECOMER_PORT: 'x' }), ['LATECOMER_PORT', 'x'], 78);
  });
});

describe.runIf(existsSync(latecomer))('a placement that is wrong', () => {
  it.each([
    ['a misspelt actor', { Egde: { mode: 'forked' } }, ['Egde', 'Edge']],
    ['an unknown option', { Edge: { mod: 'forked' } }, ['mod']],
    ['an unknown mode', { Edge: { mode: 'elsewhere' } }, ['elsewhere']],
    ['a fork of what cannot be forked', { Session: { mode: 'forked' } }, ['Session']],
    ['too many edges', { Edge: { mode: 'forked', clusterSize: 1000 } }, ['clusterSize']],
    ['edges and rewinds both in forks', { Edge: { mode: 'forked' }, RewindHost: { mode: 'forked' } }, ['RewindHost']],
    ['another machine', { Edge: { mode: 'remote' } }, ['remote']],
    ['respawning by comedy', { Edge: { mode: 'forked', onCrash: 'respawn' } }, ['onCrash']],
    ['a list', [], ['wrong.json']],
  ])('is refused by check and by serve in one line: %s', async (_, content, words) => {
    const file = join(directory, 'wrong.json');
    await writeFile(file, JSON.stringify(content));
    const [checked, served] = await Promise.all([
      run(['check', '--actors', file]),
      run(['serve', '--actors', file, '--port', '0', '--data', join(directory, 'data'), '--no-supervisor']),
    ]);
    complains(checked, words, 78);
    complains(served, words, 78);
  });

  it('is refused when the file is not JSON or does not exist', async () => {
    await writeFile(join(directory, 'wrong.json'), '{');
    complains(await run(['check', '--actors', 'wrong.json']), ['wrong.json'], 78);
    complains(await run(['check', '--actors', 'none.json']), ['none.json'], 78);
  });
});

describe.runIf(existsSync(latecomer))('a server that cannot start', () => {
  const serve = (...args: string[]): Promise<Result> =>
    run(['serve', '--no-supervisor', '--generator', 'off', '--port', '0', ...args]);

  it('says that another one has its directory', async () => {
    const server = await startHostileServer();
    complains(await serve('--data', server.data), [server.data], 69);
  });

  it('says that its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    complains(await run(['serve', '--no-supervisor', '--port', String(port), '--data', 'data']), [String(port)], 69);
    other.close();
  });

  it('says that its directory is a file', async () => {
    await writeFile(join(directory, 'data'), 'not a directory');
    complains(await serve('--data', 'data'), ['data'], 69);
  });
});
