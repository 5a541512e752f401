import { strict as assert } from 'node:assert';
import { MemoryLevel } from 'memory-level';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../storage/database.js';
import { type LevelHandle, StorageError } from '../../storage/index.js';

let database: Database;
let opened: LevelHandle[];

beforeEach(async () => {
  opened = [];
  const openLevel = async (): Promise<LevelHandle> => {
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    opened.push(level);
    return level;
  };
  const logger = pino({ level: 'silent' });
  database = await Database.open({
    directory: '/nowhere',
    openLevel,
    backoffMs: () => 0,
    wait: async () => {},
    logger,
  });
});
afterEach(() => database.close());

describe('a read from the database', () => {
  it('that LevelDB fails says that the storage is unavailable, and what LevelDB said', async () => {
    await opened[0]!.close();
    await expect(database.read((level) => level.get(Buffer.from('a')))).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: 'reading failed: Database is not open',
      cause: { code: 'LEVEL_DATABASE_NOT_OPEN' },
    });
  });

  it.each([
    ['LevelDB calls corrupt', Object.assign(new Error('bad block'), { code: 'LEVEL_CORRUPTION' })],
    ['LevelDB could not read', Object.assign(new Error('IO error'), { code: 'LEVEL_IO_ERROR' })],
    ['LevelDB found corrupt without a code', new Error('Corruption: bad block')],
    [
      'has one of these as its cause',
      new Error('x', { cause: Object.assign(new Error('y'), { code: 'LEVEL_LOCKED' }) }),
    ],
  ])('that %s is a failure of the storage', async (_, error) => {
    const failing = database.read(() => Promise.reject(error));
    await expect(failing).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE', cause: error });
  });

  it('shows a bug in the one who reads as what it is', async () => {
    const bug = new TypeError('x is not a function');
    await expect(database.read(() => Promise.reject(bug))).rejects.toBe(bug);
    await expect(database.read(async () => assert.equal(1, 2, 'one is two'))).rejects.toThrow(assert.AssertionError);
  });

  it('hands on a failure that is the storage’s already', async () => {
    const late = new StorageError('ERR_STORAGE_UNAVAILABLE', 'the disk has not answered');
    await expect(database.read(() => Promise.reject(late))).rejects.toBe(late);
  });

  it('shows a bug even if the database was closed meanwhile, instead of trying again', async () => {
    const bug = new Error('bug');
    let calls = 0;
    const reading = database.read(async () => {
      calls += 1;
      database.failed(new Error('a write'));
      throw bug;
    });
    await expect(reading).rejects.toBe(bug);
    expect(calls).toBe(1);
  });

  it('is done once more when the database was closed meanwhile', async () => {
    const value = await database.read(async (level) => {
      if (level === opened[0]) {
        database.failed(new Error('a write'));
        await level.close();
      }
      return (await level.get(Buffer.from('a'))) ?? 'nothing';
    });
    expect([value, opened.length]).toEqual(['nothing', 2]);
  });
});
