import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Sync the files to which LevelDB has written what is not in a table yet. It syncs none but the newest itself, and
 * after a clean close everything has to be there. One that is deleted meanwhile has become a table, which is synced.
 */
export async function syncJournal(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) await sync(join(directory, name));
  }
}

async function sync(path: string): Promise<void> {
  try {
    const file = await open(path, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
