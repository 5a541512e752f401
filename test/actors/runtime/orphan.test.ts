import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./fixtures/program.js', import.meta.url));
const programs: ChildProcess[] = [];

afterEach(() => {
  for (const child of programs.splice(0)) child.kill('SIGKILL');
});

interface Started {
  child: ChildProcess;
  fork: number;
  /** All of stdout after the first line. Its end means that no process holds the pipe: program and fork are gone. */
  restOfStdout: Promise<string[]>;
  stderr: Promise<string>;
}

/** Run fixtures/program.js until its fork is there. */
async function start(): Promise<Started> {
  const child = spawn(process.execPath, [program], { stdio: 'pipe' });
  programs.push(child);
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  const stderr = text(child.stderr);
  const [first] = (await once(reader, 'line')) as [string];
  reader.on('line', (line) => lines.push(line));
  const restOfStdout = once(reader, 'close').then(() => lines);
  return { child, fork: (JSON.parse(first) as { fork: number }).fork, restOfStdout, stderr };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('a program with a forked actor', () => {
  it('leaves no fork behind when it is killed', async () => {
    const { child, restOfStdout } = await start();
    child.kill('SIGKILL');
    expect(await restOfStdout).toEqual([]);
  });

  it.each([
    ['exits without stopping its actors', 'exit', 0],
    ['ends by an uncaught error', 'throw', 1],
  ])('leaves not even a suspended fork behind when it %s', async (_, order, code) => {
    const { child, fork, restOfStdout } = await start();
    process.kill(fork, 'SIGSTOP');
    child.stdin?.write(order);
    await restOfStdout;
    expect(await exitCode(child)).toBe(code);
  });

  it.each(['stop', 'crash'])(
    'ends by itself after the system is stopped (%s), with nothing on stdout',
    async (order) => {
      const { child, restOfStdout, stderr } = await start();
      child.stdin?.write(order);
      expect(await restOfStdout).toEqual([]);
      const lines = (await stderr).trim().split('\n');
      expect(lines.every((line) => 'level' in (JSON.parse(line) as object))).toBe(true);
      expect(await exitCode(child)).toBe(0);
    },
  );
});
