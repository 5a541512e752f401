import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../cli/latecomer.js', import.meta.url));

/** A server in a process and a directory of its own. */
export interface LatecomerProcess {
  port: number;
  pid: number;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** Start a fresh server without its generator. */
export async function startLatecomer(args: readonly string[] = []): Promise<LatecomerProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'latecomer-bench-'));
  const own = [
    'serve',
    '--no-supervisor',
    '--data',
    directory,
    '--port',
    '0',
    '--generator',
    'off',
    '--log-level',
    'warn',
  ];
  const child = spawn(process.execPath, [cli, ...own, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  return {
    port: await listeningPort(child),
    pid: child.pid!,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function listeningPort(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = /^listening on .*:(\d+)$/.exec(line)?.[1];
    if (port) return Number(port);
  }
  throw new Error('the server ended before it listened');
}
