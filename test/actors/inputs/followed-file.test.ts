import { appendFile, copyFile, rename, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FollowedFile } from '../../../actors/inputs/followed-file.js';
import type { JsonValue } from '../../../actors/inputs/input-source.js';
import { warning } from '../../support/log-lines.js';
import { directoryOfTest, ReadInput } from './reading.js';

async function start() {
  const file = path.join(await directoryOfTest(), 'app.log');
  const follow = (position?: JsonValue) =>
    new ReadInput(new FollowedFile({ path: file, lineBytesMax: 1_000 }), position);
  return { file, follow };
}

describe('a followed file', () => {
  it('gives the lines it has, and those that are added', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\ntwo\n');
    const input = follow();
    expect(await input.reached(2)).toEqual(['one', 'two']);
    await appendFile(file, 'three\n');
    expect(await input.reached(3)).toEqual(['one', 'two', 'three']);
  });

  it('is waited for when it is not there yet, and the log says so', async () => {
    const { file, follow } = await start();
    const input = follow();
    const reached = input.reached(1);
    expect(await input.log.saying('there is no file of that path')).toMatchObject({ level: warning, path: file });
    await writeFile(file, 'one\n');
    expect(await reached).toEqual(['one']);
  });

  it('lets a partial last line wait for its newline', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\nhal');
    const input = follow();
    expect(await input.reached(1)).toEqual(['one']);
    await appendFile(file, 'f\n');
    expect(await input.reached(2)).toEqual(['one', 'half']);
  });

  it('goes on from a position, in the middle of what it had read', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\ntwo\nthr');
    const first = follow();
    await first.reached(2);
    first.stop();
    await appendFile(file, 'ee\nfour\n');
    expect(await follow(first.position).reached(2)).toEqual(['three', 'four']);
  });

  it('reads a file to its end after it was renamed, then the one that has its name', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\n');
    const input = follow();
    await input.reached(1);
    await rename(file, `${file}.1`);
    await writeFile(file, '');
    // The writer has not noticed yet.
    await appendFile(`${file}.1`, 'two\nthree');
    expect(await input.reached(2)).toEqual(['one', 'two']);
    await appendFile(file, 'four\n');
    expect(await input.reached(4)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('reads all files that came between while nobody read, oldest first, and none of those it had finished', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\n');
    const first = follow();
    await first.reached(1);
    await rename(file, `${file}.1`);
    await writeFile(file, 'two\n');
    await first.reached(2);
    first.stop();
    for (const [number, text] of [
      ['2', 'three'],
      ['3', 'four'],
      ['4', 'five'],
    ] as const) {
      await rename(file, `${file}.${number}`);
      await writeFile(file, `${text}\n`);
    }
    expect(await follow(first.position).reached(3)).toEqual(['three', 'four', 'five']);
  });

  it('finds its file under any name, and takes nothing that rotation has not made', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\n');
    const first = follow();
    await first.reached(1);
    first.stop();
    await appendFile(file, 'two\n');
    await rename(file, path.join(path.dirname(file), 'kept'));
    await writeFile(`${file}.bak`, 'not this\n');
    await writeFile(`${file}.1.gz`, 'nor this\n');
    await writeFile(file, 'three\n');
    expect(await follow(first.position).reached(2)).toEqual(['two', 'three']);
  });

  it('reads a file from its start when it was truncated, and none of the copy', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\ntwo\n');
    const input = follow();
    await input.reached(2);
    await copyFile(file, `${file}.1`);
    await truncate(file);
    await appendFile(file, 'three\n');
    expect(await input.reached(3)).toEqual(['one', 'two', 'three']);
    await input.log.saying('truncated');
  });

  it('notices that a file was written anew while nobody read, though it is longer now', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\n');
    const first = follow();
    await first.reached(1);
    first.stop();
    await truncate(file);
    await appendFile(file, 'another one\nand more\n');
    expect(await follow(first.position).reached(2)).toEqual(['another one', 'and more']);
  });

  it('says so when its file is gone, and goes on with those that came after it', async () => {
    const { file, follow } = await start();
    await writeFile(file, 'one\n');
    const first = follow();
    await first.reached(1);
    first.stop();
    await rename(file, `${file}.1`);
    await writeFile(file, 'two\n');
    await unlink(`${file}.1`);
    const second = follow(first.position);
    expect(await second.reached(1)).toEqual(['two']);
    await second.log.saying('gone');
  });

  it('fails with one sentence at a line that is too long', async () => {
    const { file, follow } = await start();
    await writeFile(file, `fine\n${'x'.repeat(1_001)}\n`);
    const error = `the line at byte 5 of ${file} has more than 1000 bytes, the most this input takes (lineBytesMax)`;
    await expect(follow().reached(2)).rejects.toThrow(error);
  });
});
