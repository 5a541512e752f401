import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** A claim on a file. */
export interface FileLock {
  release(): void;
}

/**
 * Claim a name for this process, in a file that holds its process id. What a process that is gone has left is taken over.
 * @returns the claim, or the id of the process that has it
 */
export function lockFile(name: string): FileLock | { heldBy: number } {
  const claim = `${name}.${process.pid}`;
  writeFileSync(claim, `${process.pid}\n`);
  try {
    while (!linked(claim, name)) {
      const heldBy = holderOf(name);
      if (heldBy !== undefined) return { heldBy };
      rmSync(name, { force: true });
    }
    return { release: () => rmSync(name, { force: true }) };
  } finally {
    rmSync(claim);
  }
}

/** Give a file that is written already another name, unless that is taken: nobody sees a lock that is not written yet. */
function linked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that a lock file names. */
function holderOf(name: string): number | undefined {
  const pid = Number(readIfThere(name));
  // This process's own id in a file it has not written is left over from an earlier process of that id.
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined;
  }
}

function readIfThere(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
