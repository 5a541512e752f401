import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LatecomerProcess } from '../support/latecomer-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const messages = 2_000;

let directory: string;
let remove: () => Promise<void>;
let processes: LatecomerProcess[];

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  processes = [];
});
afterEach(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await Promise.all(processes.map(({ closed }) => closed));
  await remove();
});

/** A command that is expected to end by itself. */
async function run(...args: string[]) {
  const command = new LatecomerProcess(args, { cwd: directory });
  processes.push(command);
  const { code } = await command.closed;
  return { code, out: command.out, err: command.err };
}

async function serve(...args: string[]): Promise<LatecomerProcess> {
  const fixed = ['--data', 'data', '--port', '0', '--no-supervisor'];
  const server = new LatecomerProcess(['serve', ...fixed, ...args], { cwd: directory });
  processes.push(server);
  await server.listening();
  return server;
}

async function stop(server: LatecomerProcess): Promise<void> {
  server.child.kill('SIGTERM');
  expect(await server.closed).toEqual({ code: 0, signal: null });
}

/** A data directory with one session that has ended. @returns its name */
async function endedSession(): Promise<string> {
  const server = await serve('--generator', '100000', '--generator-count', String(messages));
  const port = String(server.port);
  const { out } = await run('sessions', '--port', port, '--json');
  const { session } = JSON.parse(out.split('\n')[0]!);
  const tail = await run('tail', '--port', port, '--session', session, '--from', '1');
  expect(tail.out.trimEnd().split('\n')).toHaveLength(messages);
  await stop(server);
  return session;
}

const count = `${messages} messages, numbers 1 to ${messages}`;

test.each([[[]], [['--actors', 'edges']]])(
  'a running server %j verifies, archives and exports a session',
  async (placement) => {
    const session = await endedSession();
    const server = await serve('--generator', 'off', '--archive-directory', 'archives', ...placement);
    const port = ['--port', String(server.port)];
    const archived = await run('archive', session, ...port);
    const file = join(directory, 'archives', `main-${session}.latecomer.gz`);
    expect(archived).toMatchObject({ code: 0, err: '' });
    expect(archived.out).toContain(`archived session ${session} of main: ${count}\n  file    ${file}\n  size    `);
    const sha256 = /sha256 {2}([0-9a-f]{64})\n/.exec(archived.out)![1]!;
    const verified = await run('verify', session, ...port, '--json');
    expect(JSON.parse(verified.out)).toMatchObject({ messages, losses: [], session: { digest: sha256, lost: 0 } });
    expect(await run('export', session, 'session.bin', ...port)).toMatchObject({ code: 0 });
    expect(await run('export', 'S01', 'alias.bin', ...port)).toMatchObject({ code: 0 });
    const unknown = await run('export', 'S99', 'other.bin', ...port);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('(ERR_UNKNOWN_SESSION)') });
    expect(await run('restore', session, ...port)).toMatchObject({
      code: 1,
      err: `latecomer: source main has a session ${session} already (ERR_SESSION_EXISTS)\n`,
    });
    const active = await run('archive', `${Number(session) + 1}`, ...port);
    expect(active).toMatchObject({
      code: 1,
      err: expect.stringContaining('is active; end it first (ERR_SESSION_ACTIVE)'),
    });
    const misplaced = await run('archive', session, '--archive-directory', 'x', ...port);
    expect(misplaced.code).toBe(64);
    await stop(server);

    expect(await run('export', file, 'archive.bin')).toMatchObject({ code: 0 });
    await copyFile(file, join(directory, 'renamed.gz'));
    expect(await run('verify', './renamed.gz')).toMatchObject({ code: 0 });
    const exported = await readFile(join(directory, 'archive.bin'));
    expect(exported).toEqual(await readFile(join(directory, 'session.bin')));
    expect(exported).toEqual(await readFile(join(directory, 'alias.bin')));
    expect(exported).toHaveLength(messages * (2 + 64) + 2);
  },
);

test('the data of a stopped server is archived, moved to another one and served there', async () => {
  const session = await endedSession();
  const archived = await run('archive', session, '--data', 'data');
  const file = `main-${session}.latecomer.gz`;
  expect(archived.out).toContain(`archived session ${session} of main: ${count}\n  file    ${join(directory, file)}\n`);
  expect(await run('verify', session, '--data', 'data')).toMatchObject({ code: 0 });
  expect(await run('verify', session, '--data', 'nowhere')).toMatchObject({
    code: 69,
    err: `latecomer: there is no data of a server in ${join(directory, 'nowhere')}\n`,
  });
  const restored = await run('restore', file, '--data', 'elsewhere');
  expect(restored).toMatchObject({
    code: 0,
    out: expect.stringContaining(`restored session ${session} of main: ${count}`),
  });
  expect(await run('restore', file, '--data', 'elsewhere')).toMatchObject({ code: 1 });

  const server = await serve('--generator', 'off', '--data', 'elsewhere');
  const port = ['--port', String(server.port)];
  expect(await run('verify', session, '--data', 'elsewhere')).toMatchObject({
    code: 69,
    err: expect.stringContaining('stop that server, or leave out --data'),
  });
  const { out } = await run('tail', '--session', session, '--from', '1999', ...port);
  expect(out.trimEnd().split('\n')).toHaveLength(2);
  await stop(server);
});

test('a damaged archive is told as what it is, with the range', async () => {
  const session = await endedSession();
  await run('archive', session, '--data', 'data');
  const name = `main-${session}.latecomer.gz`;
  const bytes = await readFile(join(directory, name));
  bytes[100]! ^= 4;
  await writeFile(join(directory, name), bytes);
  const verified = await run('verify', name);
  expect(verified.code).toBe(1);
  expect(verified.out).toContain(`DAMAGED session ${session} of main: 0 of ${count}\n`);
  expect(verified.out).toContain(`  LOST    messages 1 to ${messages} (${messages}, corrupt)\n`);
  const exported = await run('export', name, 'out.bin');
  expect(exported).toMatchObject({ code: 1, err: expect.stringContaining('ERR_NOT_EXPORTABLE') });
  const restored = await run('restore', name, '--data', 'elsewhere');
  expect(restored).toMatchObject({ code: 1, err: expect.stringContaining('ERR_ARCHIVE_DAMAGED') });
});
