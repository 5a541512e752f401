import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { inspect } from './support/inspection.js';
import { expectExactlyOnce, readLog } from './support/read-log.js';
import type { ServerOptions, ServerProcess } from './support/server-process.js';

const arena = useArena();

/** Somewhere a log can grow to a few mebibytes, and no further until it is told. */
interface SmallDisk {
  options: Partial<ServerOptions>;
  /** Make room. */
  free(server: ServerProcess): void;
}

/** A limit on the size of each file: the write that exceeds it writes what fits, then fails. Node ignores SIGXFSZ. */
function limitedFiles(kibibytes: number): SmallDisk {
  return {
    options: { wrap: (command) => ['bash', '-c', `ulimit -S -f ${kibibytes}; exec "$@"`, 'bash', ...command] },
    free: ({ pid }) => run('prlimit', '--pid', String(pid), '--fsize=unlimited:'),
  };
}

/** A file system in memory, which is full like any other. */
async function smallFileSystem(mebibytes: number, ...flags: string[]): Promise<SmallDisk> {
  const data = await arena.directory();
  run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'latecomer-test', data);
  // A process that is about to end may still have it open.
  arena.defer(() => run('umount', '--lazy', data));
  return { options: { data, flags }, free: () => run('mount', '-o', 'remount,size=500m', data) };
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

const canLimit = spawnSync('prlimit', ['--version']).status === 0 && spawnSync('bash', ['--version']).status === 0;
if (!canLimit) console.warn('bash or prlimit is not here: a limited file size is not tested');
const canMount = mountable();
if (!canMount) console.warn('nothing can be mounted here: a full file system is not tested');

function mountable(): boolean {
  if (process.getuid?.() !== 0) return false;
  // In a mount namespace of its own, which ends with the command.
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'latecomer-test', '/mnt']);
  return status === 0;
}

/** Publish until it is full, make room, publish more, kill -9: what was acknowledged or broadcast is what is there. */
async function fillAndFree({ options, free }: SmallDisk, codes: string[]): Promise<void> {
  const flags = ['--outcome-deadline-ms', '2000', '--disk-reserve-bytes', '0', ...(options.flags ?? [])];
  const server = await arena.start({ ...options, flags });
  const { port, data } = server;
  const publisher = new GoBackNPublisher({ port, publisher: 'p', messagesEach: 20, bytesEach: 1_000 });
  const follower = await Follower.start({ port, from: 1 });
  for (const open of [publisher, follower]) arena.defer(() => open.stop());
  publisher.publishTo(Number.MAX_SAFE_INTEGER);
  await publisher.refused(1);
  // Nothing that has no receipt may reach anybody; what has one was broadcast before.
  expect(follower.next - 1).toBeLessThanOrEqual(publisher.settled * 20);
  free(server);
  const filled = publisher.settled;
  await publisher.acknowledged(filled + 500);
  expect(publisher.refusals.map(({ code }) => code).filter((code) => !codes.includes(code))).toEqual([]);
  expect(follower.connections).toBe(1);

  await server.kill();
  const { wrap: _, ...unlimited } = options;
  await arena.start({ ...unlimited, data, port, flags });
  await publisher.acknowledged(publisher.settled + 100);
  await publisher.finish();
  const log = await readLog(port);
  expectExactlyOnce(log, publisher, 'p');
  expect(log.length).toBe(publisher.settled * 20);
  await follower.reached(log.length);
  expect(follower.lost).toEqual([]);
  expect(follower.texts).toEqual(log);
}

describe.skipIf(!canLimit)('when a write is cut short because a file may not get larger', () => {
  test.each([700, 3_000, 9_000])(
    'with a limit of %i KiB publishers learn the truth and nothing is lost',
    async (kibibytes) => {
      await fillAndFree(limitedFiles(kibibytes), ['ERR_NOT_WRITTEN', 'ERR_OUTCOME_UNKNOWN', 'ERR_STORAGE_UNAVAILABLE']);
    },
  );
});

describe.skipIf(!canMount)('when the file system is full', () => {
  test.each([8, 40])('of %i MiB, publishers learn the truth and nothing is lost', async (mebibytes) => {
    await fillAndFree(await smallFileSystem(mebibytes), [
      'ERR_NOT_WRITTEN',
      'ERR_OUTCOME_UNKNOWN',
      'ERR_STORAGE_UNAVAILABLE',
      'ERR_DISK_FULL',
    ]);
  });

  test('below the reserve publishes are refused with ERR_DISK_FULL, readers are served, and no write ever fails', async () => {
    const { options, free } = await smallFileSystem(40, '--disk-reserve-bytes', String(20 * 1024 * 1024));
    const server = await arena.start(options);
    const { port } = server;
    const publisher = new GoBackNPublisher({ port, publisher: 'p', messagesEach: 20, bytesEach: 1_000 });
    arena.defer(() => publisher.stop());
    publisher.publishTo(Number.MAX_SAFE_INTEGER);
    await publisher.refused(5);
    const settled = publisher.settled;
    expect(settled).toBeGreaterThan(0);
    const log = await readLog(port);
    expect(log.length).toBe(settled * 20);
    expectExactlyOnce(log, publisher, 'p');
    free(server);
    await publisher.acknowledged(settled + 500);
    await publisher.finish();
    expect(new Set(publisher.refusals.map(({ code }) => code))).toEqual(new Set(['ERR_DISK_FULL']));
    expect(publisher.connections).toBe(1);
    expect((await inspect(port)).store.reopens).toBe(0);
    expectExactlyOnce(await readLog(port), publisher, 'p');
  });
});
