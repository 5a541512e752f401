import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../dist/cli/latecomer.js', import.meta.url));

/** A server in a process of its own, on a log of its own. */
export interface Served {
  port: number;
  /** End it as Ctrl-C does, and remove its log. */
  stop(): Promise<number | null>;
}

/** Start the built server without messages of its own, and wait until it listens. */
export async function serve(): Promise<Served> {
  const data = await mkdtemp(join(tmpdir(), 'latecomer-interop-'));
  const args = [command, 'serve', '--port', '0', '--no-supervisor', '--generator', 'off', '--data', data];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output += `${line}\n`;
        const found = /listening on \S+:(\d+)$/.exec(line);
        if (found) resolve(Number(found[1]));
      });
    }
    exited.then(() => reject(new Error(`the server ended before it listened:\n${output}`)), reject);
  }).catch(async (error: unknown) => {
    await rm(data, { recursive: true, force: true });
    throw error;
  });
  return {
    port,
    async stop() {
      server.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      await rm(data, { recursive: true, force: true });
      return code;
    },
  };
}
