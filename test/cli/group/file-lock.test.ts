import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileLock, lockFile } from '../../../cli/group/file-lock.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

let name: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  const temporary = await temporaryDirectory();
  name = path.join(temporary.directory, 'lock');
  remove = temporary.remove;
});

afterEach(() => remove());

describe('a file lock', () => {
  it('names its process until it is released', () => {
    const lock = lockFile(name) as FileLock;
    expect(readFileSync(name, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
    expect(existsSync(name)).toBe(false);
  });

  it('is refused while another process has it', () => {
    writeFileSync(name, `${process.ppid}\n`);
    expect(lockFile(name)).toEqual({ heldBy: process.ppid });
  });

  it('is taken over from a process that is gone', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(name, `${pid}\n`);
    expect(lockFile(name)).toHaveProperty('release');
    expect(readFileSync(name, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('is taken over when it names no process at all', () => {
    writeFileSync(name, '');
    expect(lockFile(name)).toHaveProperty('release');
  });
});
