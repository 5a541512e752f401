import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryOfFiles } from '../../../actors/inputs/directory-of-files.js';
import type { JsonValue } from '../../../actors/inputs/input-source.js';
import { limits } from '../../../protocol/index.js';
import { directoryOfTest, ReadInput } from './reading.js';

async function start() {
  const directory = await directoryOfTest();
  const options = { path: directory, lineBytesMax: 1_000, endOfDay: 'EOD' };
  const read = (position?: JsonValue) => new ReadInput(new DirectoryOfFiles(options), position);
  const put = (name: string, text: string) => writeFile(path.join(directory, name), text);
  return { directory, read, put };
}

describe('a directory of files', () => {
  it('gives the lines of its files in the order of their names, the last line of each with or without its newline', async () => {
    const { read, put } = await start();
    await put('b', 'three\n');
    await put('a', 'one\ntwo');
    await put('empty', '');
    const input = read();
    expect(await input.reached(3)).toEqual(['one', 'two', 'three']);
    await put('f', 'four');
    expect(await input.reached(4)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('goes on in the middle of a file, and takes none twice', async () => {
    const { read, put } = await start();
    await put('a', 'zero\n');
    await put('b', `${'x\n'.repeat(limits.blockMessagesMax)}last\n`);
    const first = read();
    await first.reached(1 + limits.blockMessagesMax);
    first.stop();
    const second = read(first.position);
    expect(await second.reached(1)).toEqual(['last']);
    second.stop();
    await put('c', 'next\n');
    expect(await read(second.position).reached(1)).toEqual(['next']);
  });

  it('leaves alone what is still being written', async () => {
    const { read, put } = await start();
    await put('.a', 'hidden\n');
    await put('b.tmp', 'not yet\n');
    await put('c', 'whole\n');
    expect(await read().reached(1)).toEqual(['whole']);
  });

  it('names a file that comes when its name has been passed, and does not take it', async () => {
    const { read, put } = await start();
    await put('b', 'one\n');
    const input = read();
    await input.reached(1);
    const reached = input.reached(2);
    await put('a', 'late\n');
    expect(await input.log.saying('too late')).toMatchObject({ file: 'a', passed: 'b' });
    await put('c', 'two\n');
    expect(await reached).toEqual(['one', 'two']);
  });

  it('ends the day where a line says so', async () => {
    const { read, put } = await start();
    await put('a', 'one\nEOD\n');
    await put('b', 'two\n');
    const input = read();
    expect(await input.reached(2)).toEqual(['one', 'two']);
    expect(input.endsOfDay).toEqual(['end of day in input test']);
  });

  it('fails when a file has become shorter than what was read of it', async () => {
    const { directory, read, put } = await start();
    await put('a', 'x\n'.repeat(limits.blockMessagesMax + 1));
    const first = read();
    await first.reached(limits.blockMessagesMax);
    first.stop();
    await truncate(path.join(directory, 'a'), 10);
    await expect(read(first.position).reached(1)).rejects.toMatchObject({ code: 'ERR_INPUT_GONE' });
  });
});
