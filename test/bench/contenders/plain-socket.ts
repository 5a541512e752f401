import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from '../../support/deadline.js';
import type { SessionShape } from '../fixtures/write-session.js';
import type { RunningServer } from './contender.js';

const program = fileURLToPath(new URL('./plain-server.js', import.meta.url));

/**
 * Start a process that answers whoever connects with the bytes of a session, from memory, by socket.write: what the
 * machine moves when nothing has to be read or decided. It speaks just enough of our protocol for our follower.
 * @param shape whole blocks only
 */
export async function startPlainServer(shape: SessionShape): Promise<RunningServer> {
  const child = fork(program, [JSON.stringify(shape)]);
  const exited = once(child, 'exit');
  const [address] = (await within(once(child, 'message'), 'the plain server to listen')) as [{ port: number }];
  return {
    port: address.port,
    pid: child.pid!,
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}
