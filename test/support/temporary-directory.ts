import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of a test's own. */
export interface TemporaryDirectory {
  directory: string;
  /** Remove it with everything in it. */
  remove(): Promise<void>;
}

/** A new directory, where the system has what is temporary. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const directory = await mkdtemp(join(tmpdir(), 'latecomer-test-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
