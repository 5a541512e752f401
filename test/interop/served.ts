import { LatecomerProcess } from '../support/latecomer-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A server in a process of its own, on a log of its own. */
export interface Served {
  port: number;
  /** End it as Ctrl-C does, and remove its log. */
  stop(): Promise<number | null>;
}

/** Start the built server without messages of its own, and wait until it listens. */
export async function serve(): Promise<Served> {
  const { directory, remove } = await temporaryDirectory();
  const args = ['serve', '--port', '0', '--no-supervisor', '--generator', 'off', '--data', directory];
  const server = new LatecomerProcess(args);
  const port = await server.listening().catch(async (error: unknown) => {
    server.child.kill('SIGKILL');
    await remove();
    throw error;
  });
  return {
    port,
    async stop() {
      server.child.kill('SIGTERM');
      const { code } = await server.exited;
      await remove();
      return code;
    },
  };
}
