import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * Start a Node process as the leader of a process group of its own, with an IPC channel: it sees `disconnect` when
 * this process is gone, and everything it forks can be ended with it.
 * @param args what follows the module on its command line
 * @param stdin whose standard input it has: this process's, or none
 */
export function startGroup(
  module: string,
  args: readonly string[],
  stdin: 'inherit' | 'ignore' = 'ignore',
): ChildProcess {
  return fork(module, args, { detached: true, stdio: [stdin, 'inherit', 'inherit', 'ipc'] });
}

/**
 * End every process of a group that is left, stopped ones too, and wait until they are gone and hold no port or file.
 * @param leader process id of the group's leader, which may have exited already
 * @param deadlineMs how long to wait
 * @returns whether the group is gone
 */
export async function endGroup(leader: number, deadlineMs = 1_000): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (signalGroup(leader, 'SIGKILL') && hasLiveMember(leader)) {
    if (performance.now() > deadline) return false;
    await wait(10);
  }
  return true;
}

/**
 * Send a signal to all processes of a group.
 * @returns whether there was one
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    // ESRCH: nobody is left. EPERM, on some systems: only zombies are left.
    return false;
  }
}

/**
 * A killed process whose new parent has not reaped it can still be signalled, though it holds nothing any more. Linux
 * tells the difference; elsewhere such a process counts as alive.
 */
function hasLiveMember(leader: number): boolean {
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    const [state, , group] = statusOf(entry);
    return group === String(leader) && state !== 'Z' && state !== 'X';
  });
}

/** State, parent and group of a process; nothing when it has gone meanwhile. */
function statusOf(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
