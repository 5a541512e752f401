import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { readLog } from './support/read-log.js';

const arena = useArena();
const kills = 12;

/** A log file of numbered lines, as a program and the rotation of its log write it. */
class RotatedLog {
  readonly path: string;
  lines = 0;
  #rotations = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** So many lines; the last one without its newline, if it is to wait for it. */
  async write(count: number, last: 'whole' | 'half' = 'whole'): Promise<void> {
    const numbers = Array.from({ length: count }, (_, index) => this.lines + index + 1);
    this.lines += count;
    await appendFile(this.path, numbers.map((number) => `line ${number}`).join('\n') + (last === 'whole' ? '\n' : ''));
  }

  /** The newline of the last line. */
  async finishLine(): Promise<void> {
    await appendFile(this.path, '\n');
  }

  async rotate(): Promise<void> {
    this.#rotations += 1;
    await rename(this.path, `${this.path}.${this.#rotations}`);
    await writeFile(this.path, '');
  }

  get texts(): string[] {
    return Array.from({ length: this.lines }, (_, index) => `line ${index + 1}`);
  }
}

test('has every line of a followed file once and in order, over 12 times kill -9 while it grows and is rotated', {
  timeout: 120_000,
}, async () => {
  const file = new RotatedLog(join(await arena.directory(), 'app.log'));
  const flags = ['--inputs', JSON.stringify([{ kind: 'file', name: 'app', path: file.path }])];
  await file.write(10);
  let server = await arena.start({ flags });
  const { port, data } = server;
  const follower = await Follower.start({ port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  for (let kill = 1; kill <= kills; kill += 1) {
    await follower.reached(file.lines);
    const before = file.lines;
    // Several batches: in some rounds the server dies between them, in others it finds one or two files more when it is back.
    await file.write(20_000 + kill, 'half');
    if (kill % 2 === 1) await follower.reached(before + 1);
    else {
      await file.finishLine();
      await file.rotate();
      await file.write(11, 'half');
    }
    await server.kill();
    await file.finishLine();
    if (kill % 3 === 0) {
      await file.rotate();
      await file.write(5_000);
      await file.rotate();
    }
    await file.write(13);
    server = await arena.start({ data, port, flags });
  }
  await follower.reached(file.lines);
  expect(await readLog(port)).toEqual(file.texts);
  expect(follower.texts).toEqual(file.texts);
  expect(follower.lost).toEqual([]);
});

test('takes every file of a directory once and in order, over kill -9 in the middle of one', async () => {
  const directory = await arena.directory();
  const flags = ['--inputs', JSON.stringify([{ kind: 'directory', name: 'in', path: directory }])];
  const texts: string[] = [];
  const put = async (name: string, count: number) => {
    const lines = Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);
    texts.push(...lines);
    await writeFile(join(directory, `.${name}`), lines.join('\n'));
    await rename(join(directory, `.${name}`), join(directory, name));
  };
  await put('001', 1);
  let server = await arena.start({ flags });
  const { port, data } = server;
  const follower = await Follower.start({ port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  for (let kill = 2; kill <= 6; kill += 1) {
    await put(`00${kill}`, 100_000);
    await follower.reached(texts.length - 90_000);
    await server.kill();
    server = await arena.start({ data, port, flags });
  }
  await follower.reached(texts.length);
  expect(follower.texts).toEqual(texts);
  expect(await readLog(port)).toEqual(texts);
});
