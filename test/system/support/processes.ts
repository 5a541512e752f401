import { readdirSync, readFileSync } from 'node:fs';

/** Environment variable by which a test knows its processes; whatever they fork inherits it. */
export const markVariable = 'SYSTEM_TEST_MARK';

/** The environment of a process of the test with this mark: nothing in it changes what the command does. */
export function markedEnvironment(mark: string): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(LATECOMER|VITEST|NODE_OPTIONS)/.test(name));
  return { ...Object.fromEntries(entries), [markVariable]: mark };
}

/** Processes that carry a mark and are more than an entry in the process table, stopped ones included. */
export function markedProcesses(mark: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => read(pid, 'environ').includes(`${markVariable}=${mark}\0`) && isAlive(pid));
}

/** Whether a process runs or is stopped; one that only waits to be reaped does not count. */
export function isAlive(pid: number): boolean {
  const state = read(pid, 'stat').split(') ').pop()?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Bytes of memory of a process's own: neither files nor memory it shares. */
export function rssAnonBytes(pid: number): number {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(read(pid, 'status'))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no RssAnon`);
  return Number(kibibytes) * 1024;
}

/** Send a signal to a process that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A file of a process; blank when the process is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** The one child of a process. */
export function childOf(parent: number): number {
  const children = read(parent, `task/${parent}/children`).trim().split(' ').map(Number);
  if (children.length !== 1 || !children[0]) throw new Error(`process ${parent} has not one child: ${children}`);
  return children[0];
}
