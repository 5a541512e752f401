import { LatecomerProcess } from '../support/latecomer-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A server in a process and a directory of its own. */
export interface BenchServer {
  port: number;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** Start a fresh server without its generator. What it warns of is printed. */
export async function startBenchServer(): Promise<BenchServer> {
  const { directory, remove } = await temporaryDirectory();
  const args = ['serve', '--no-supervisor', '--data', directory, '--port', '0', '--generator', 'off'];
  const server = new LatecomerProcess([...args, '--log-level', 'warn'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return {
    port: await server.listening(),
    stop: async () => {
      server.child.kill('SIGTERM');
      await server.exited;
      await remove();
    },
  };
}
