import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../actors/package-root.js';
import { LatecomerProcess } from '../../support/latecomer-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import type { Contender, RunningServer } from './contender.js';
import { endWithBenchmark } from './peer-process.js';

const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };

/** This server, fsync before everything, which is its default. */
export const latecomerDisk: Contender = {
  name: 'Latecomer',
  persists: 'LevelDB, fsync before delivery and acknowledgement',
  dialect: 'latecomer',
  version: () => `latecomer ${version}`,
  start: () => startLatecomer(),
};

/** This server, written but not synced before it goes on. */
export const latecomerOs: Contender = {
  ...latecomerDisk,
  name: 'Latecomer os',
  persists: 'LevelDB, write before delivery and acknowledgement, no fsync',
  start: () => startLatecomer({ args: ['--durability', 'os'] }),
};

/** This server, its connections spread over forked edges. */
export const latecomerEdges: Contender = {
  ...latecomerDisk,
  name: 'Latecomer, 2 edges',
  start: () => startLatecomer({ args: ['--actors', 'edges'] }),
};

/**
 * Start a fresh server without its generator. What it warns of is printed.
 * @param directory its data, removed with it unless given
 */
export async function startLatecomer({
  args = [],
  directory,
}: {
  args?: readonly string[];
  directory?: string;
} = {}): Promise<RunningServer> {
  const place = directory === undefined ? await temporaryDirectory() : { directory, remove: async () => {} };
  const serve = ['serve', '--no-supervisor', '--data', place.directory, '--port', '0', '--generator', 'off'];
  const options = ['--log-level', 'warn', ...args];
  const server = new LatecomerProcess([...serve, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  endWithBenchmark(server.child);
  return {
    port: await server.listening(),
    pid: server.pid,
    stop: async () => {
      server.child.kill('SIGTERM');
      await server.exited;
      await place.remove();
    },
  };
}
