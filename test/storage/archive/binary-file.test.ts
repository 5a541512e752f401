import { execFileSync } from 'node:child_process';
import { lstat, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ExportedMessage, messagesOf, readSession, writeBinaryFile } from '../../../storage/archive/index.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FaultDisk } from '../fault-level.js';
import { endedSession, openStore } from './stage.js';

let directory: string;
let remove: () => Promise<void>;
let path: string;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  path = join(directory, 'file');
});
afterEach(() => remove());

async function* messages(...payloads: (string | Buffer)[]): AsyncGenerator<ExportedMessage> {
  for (const [index, payload] of payloads.entries()) yield { seq: index + 1, payload: Buffer.from(payload) };
}

describe('a BinaryFILE', () => {
  it('has the length of each packet in two bytes, big-endian, and a zero at the end of the session', async () => {
    await writeBinaryFile(path, messages('S', 'abc', 'x'.repeat(258)), { lastSeq: 3, ended: true });
    const expected = `\0\x01S\0\x03abc\x01\x02${'x'.repeat(258)}\0\0`;
    expect(await readFile(path)).toEqual(Buffer.from(expected, 'latin1'));
  });

  it('is never put in the place of something that is no file', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const device = join(directory, 'device');
    await symlink('/dev/null', device);
    for (const other of [pipe, device, directory]) {
      const failure = { code: 'ERR_ARCHIVE_FAILED', message: expect.stringContaining('is no regular file') };
      await expect(writeBinaryFile(other, messages('a'), { lastSeq: 1, ended: true })).rejects.toMatchObject(failure);
    }
    expect((await readdir(directory)).sort()).toEqual(['device', 'pipe']);
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it('of a session that goes on has no end', async () => {
    await writeBinaryFile(path, messages('a'), { lastSeq: 1, ended: false });
    expect(await readFile(path)).toEqual(Buffer.from([0, 1, 0x61]));
  });

  it('of a session without messages is its end', async () => {
    await writeBinaryFile(path, messages(), { lastSeq: 0, ended: true });
    expect(await readFile(path)).toEqual(Buffer.from([0, 0]));
  });

  it('holds the largest packet there may be, and many', async () => {
    const payloads = Array.from({ length: 20 }, (_, index) => Buffer.alloc(65_535, index));
    await writeBinaryFile(path, messages(...payloads), { lastSeq: 20, ended: true });
    const bytes = await readFile(path);
    expect(bytes).toHaveLength(20 * 65_537 + 2);
    for (const [index, payload] of payloads.entries()) {
      const at = index * 65_537;
      expect(bytes.readUInt16BE(at)).toBe(65_535);
      expect(bytes.subarray(at + 2, at + 65_537).equals(payload)).toBe(true);
    }
  });

  it.each([
    ['an empty message', messages('a', '', 'c'), 'message 2 is empty'],
    ['a message that is too long', messages('a', Buffer.alloc(65_536), 'c'), 'message 2 has 65536 bytes'],
    ['an end that is missing', messages('a'), 'messages 2 to 3 are lost'],
  ])('cannot say %s: it is refused, and no file is left', async (_, source, message) => {
    const refused = writeBinaryFile(path, source, { lastSeq: 3, ended: true });
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_NOT_EXPORTABLE',
      message: expect.stringContaining(message),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('is made of a session of a store, and refused when messages of it are lost', async () => {
    const disk = new FaultDisk();
    const store = await openStore(directory, disk);
    const log = await endedSession(store, 's', [['a', 'b'], ['c'], ['d']]);
    await writeBinaryFile(path, messagesOf(readSession(store, log, {})), { lastSeq: 4, ended: true });
    expect((await readFile(path)).toString('latin1')).toBe('\0\x01a\0\x01b\0\x01c\0\x01d\0\0');
    const [key] = await disk.level!.keys({ gte: Buffer.from([4]), limit: 2 }).all();
    await disk.level!.del(key!);
    const refused = writeBinaryFile(path, messagesOf(readSession(store, log, {})), { lastSeq: 4, ended: true });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_NOT_EXPORTABLE' });
    await store.close();
  });
});
