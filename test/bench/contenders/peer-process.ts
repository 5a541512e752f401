import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { within } from '../../support/deadline.js';
import type { TemporaryDirectory } from '../../support/temporary-directory.js';
import type { RunningServer } from './contender.js';

/** What `command --version` prints, one line; undefined when there is no such command. */
export function versionOf(command: string): string | undefined {
  try {
    return execFileSync(command, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** A port nobody listens on, for those who cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A server does not outlive the benchmark, whatever it ends with. */
export function endWithBenchmark(server: ChildProcess): void {
  const end = () => server.kill('SIGKILL');
  process.once('exit', end);
  server.once('exit', () => process.off('exit', end));
}

/** Start a peer and wait until what it prints says that it is ready. */
export async function startPeer(
  command: string,
  args: readonly string[],
  { ready, port, place }: { ready: RegExp; port: number; place: TemporaryDirectory },
): Promise<RunningServer> {
  const child = spawn(command, args, { cwd: place.directory, stdio: ['ignore', 'pipe', 'pipe'] });
  endWithBenchmark(child);
  await within(printed(child, ready), `${command} to be ready`);
  return {
    port,
    pid: child.pid!,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await place.remove();
    },
  };
}

function printed(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-10_000);
      if (ready.test(text)) resolve();
    };
    child.stdout!.on('data', look);
    child.stderr!.on('data', look);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
}
