import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArchiveFiles, archiveSession, verifyArchive } from '../../../storage/archive/index.js';
import type { Log, Store } from '../../../storage/index.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { contents, endedSession, numbered, openStore } from './stage.js';

let directory: string;
let remove: () => Promise<void>;
let store: Store;
let log: Log;
const blocks = Array.from({ length: 14 }, (_, index) => numbered(10, 12_000, 10 * index + 1));

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  store = await openStore(directory, new FaultDisk());
  log = await endedSession(store, 's', blocks);
});
afterEach(async () => {
  await store.close();
  await remove();
});

type Step = (name: string) => Promise<void>;

/** The file system, with something that happens before each thing that is done with it. */
function watched(step: Step, opened: fs.FileHandle[] = []): ArchiveFiles {
  const open = async (...args: Parameters<typeof fs.open>): Promise<fs.FileHandle> => {
    await step('open');
    const file = await fs.open(...args);
    opened.push(file);
    return new Proxy(file, {
      get(target, property) {
        const value = Reflect.get(target, property, target) as unknown;
        if (typeof value !== 'function') return value;
        const method = value as (...given: unknown[]) => unknown;
        if (property === 'close') return method.bind(target);
        return async (...given: unknown[]) => {
          await step(String(property)).catch(async (error) => {
            // A full disk takes a part of it.
            if (property === 'write') await method.call(target, given[0], given[1], 7);
            throw error;
          });
          return method.apply(target, given);
        };
      },
    });
  };
  const before =
    <Args extends unknown[], Result>(name: string, job: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await step(name);
      return job(...args);
    };
  return {
    open: open as ArchiveFiles['open'],
    rename: before('rename', fs.rename),
    mkdir: before('mkdir', fs.mkdir) as ArchiveFiles['mkdir'],
    statfs: before('statfs', fs.statfs) as ArchiveFiles['statfs'],
    rm: fs.rm,
    stat: fs.stat,
  };
}

/** Everything that is done, in order. */
async function stepsOf(path: string): Promise<string[]> {
  const steps: string[] = [];
  await archiveSession(store, log, path, { files: watched(async (name) => void steps.push(name)) });
  return steps;
}

const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });

describe('a session that is archived', () => {
  it('leaves no file and stays whole when the disk fails at any step, and is archived by the next attempt', async () => {
    const steps = await stepsOf(join(directory, 'first'));
    expect(steps.filter((name) => name === 'write').length).toBeGreaterThan(3);
    expect(steps).toContain('sync');
    for (let at = 0; at < steps.length; at += 1) {
      const path = join(directory, `${at}`, 'archive');
      let count = 0;
      const files = watched(async () => {
        if (count++ === at) throw noSpace();
      });
      await expect(archiveSession(store, log, path, { files })).rejects.toMatchObject({ code: 'ERR_DISK_FULL' });
      const left = await fs.readdir(join(directory, `${at}`)).catch(() => []);
      // Behind the rename the file is there, whole.
      if (left.length > 0)
        expect([left, steps.slice(0, at)]).toEqual([['archive'], expect.arrayContaining(['rename'])]);
      const { index } = await archiveSession(store, log, path);
      expect(await verifyArchive(path)).toMatchObject({ damage: [], index });
      expect(await fs.readdir(join(directory, `${at}`))).toEqual(['archive']);
    }
    expect(await contents(store, log)).toEqual(blocks.flat());
  });

  it('is whole, or not there, when the process ends at any step, and what it has left is written over', async () => {
    const steps = await stepsOf(join(directory, 'first'));
    for (let at = 0; at < steps.length; at += 1) {
      const path = join(directory, `${at}`, 'archive');
      let count = 0;
      const opened: fs.FileHandle[] = [];
      const killed = new Promise<void>((resolve) => {
        const files = watched(() => {
          if (count++ !== at) return Promise.resolve();
          resolve();
          return new Promise(() => {});
        }, opened);
        void archiveSession(store, log, path, { files });
      });
      await killed;
      const found = await verifyArchive(path).catch((error) => error.code);
      if (found === 'ERR_NO_ARCHIVE') expect(steps.slice(0, at)).not.toContain('rename');
      else expect(found).toMatchObject({ damage: [] });
      await archiveSession(store, log, path);
      expect(await verifyArchive(path)).toMatchObject({ damage: [] });
      await Promise.all(opened.map((file) => file.close()));
      expect(await fs.readdir(join(directory, `${at}`))).toEqual(['archive']);
    }
  });

  it('takes no room that others are to have', async () => {
    const path = join(directory, 'archive');
    await expect(archiveSession(store, log, path, { reserveBytes: 2 ** 60 })).rejects.toMatchObject({
      code: 'ERR_DISK_FULL',
      message: expect.stringContaining('must stay free'),
    });
    expect(await fs.readdir(directory)).toEqual([]);
    expect(store.summary(log).archivedMs).toBeUndefined();
  });
});
