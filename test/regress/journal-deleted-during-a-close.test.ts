import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { syncJournal } from '../../storage/sync-journal.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

it('a journal that becomes a table while the store is closed does not keep the others from being synced', async () => {
  const { directory, remove } = await temporaryDirectory();
  await symlink(join(directory, 'gone'), join(directory, '000001.log'));
  await writeFile(join(directory, '000002.log'), 'x');
  await expect(syncJournal(directory)).resolves.toBeUndefined();
  await mkdir(join(directory, '000003.log'));
  await expect(syncJournal(directory)).rejects.toMatchObject({ code: 'EISDIR' });
  await remove();
});
