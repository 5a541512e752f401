import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Sync the files to which LevelDB has written what is not in a table yet. It syncs none but the newest itself, and
 * after a clean close everything has to be there.
 */
export async function syncJournal(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.log')) continue;
    const file = await open(join(directory, name), 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}
