import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** A system call that has returned. `begin` and `end` are places in the order of events of the whole process. */
export interface SystemCall {
  name: string;
  /** Its arguments as strace writes them. */
  args: string;
  result: number;
  begin: number;
  end: number;
}

/** Whether processes can be traced here. */
export function canTrace(): boolean {
  return spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0;
}

/** A command that runs `command` and notes the given system calls of all its threads in `file`. */
export function traced(command: readonly string[], calls: readonly string[], file: string): string[] {
  return ['strace', '-f', '-qq', '-xx', '-s', '65536', '-e', `trace=${calls.join(',')}`, '-o', file, ...command];
}

/** The calls noted in a file of {@link traced}, in the order in which they were made. */
export async function readCalls(file: string): Promise<SystemCall[]> {
  const calls: SystemCall[] = [];
  /** Calls of a thread that others have come between. */
  const unfinished = new Map<string, SystemCall>();
  const lines = (await readFile(file, 'latin1')).split('\n');
  for (const [at, line] of lines.entries()) {
    const [, thread, text] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || text === undefined) continue;
    const resumed = /^<\.\.\. \w+ resumed>(.*)\) += (-?\d+)/.exec(text);
    const whole = /^(\w+)\((.*)\) += (-?\d+)/.exec(text);
    const begun = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(text);
    if (resumed) {
      const call = unfinished.get(thread);
      if (call) Object.assign(call, { args: call.args + resumed[1]!, result: Number(resumed[2]), end: at });
    } else if (whole) {
      calls.push({ name: whole[1]!, args: whole[2]!, result: Number(whole[3]), begin: at, end: at });
    } else if (begun) {
      const call = { name: begun[1]!, args: begun[2]!, result: -1, begin: at, end: Number.POSITIVE_INFINITY };
      unfinished.set(thread, call);
      calls.push(call);
    }
  }
  return calls;
}

/** The file descriptor a call is about. */
export function descriptor({ args }: SystemCall): number {
  return Number.parseInt(args, 10);
}

/** The bytes a write was given, as far as it took them; for `openat` its path. */
export function bytesOf({ name, args, result }: SystemCall): Buffer {
  const parts = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => hex!.replaceAll('\\x', ''));
  const bytes = Buffer.from(parts.join(''), 'hex');
  return name === 'openat' ? bytes : bytes.subarray(0, Math.max(0, result));
}
