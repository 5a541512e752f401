import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveSession } from '../../storage/archive/index.js';
import { endedSession, flipBit, openStore } from '../storage/archive/stage.js';
import { FaultDisk } from '../storage/fault-level.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const script = fileURLToPath(new URL('read_archive.py', import.meta.url));
const isHere = spawnSync('python3', ['--version']).status === 0;
const pythonMissing = isHere ? undefined : 'python3 is not installed';

let directory: string;
let remove: () => Promise<void>;
let path: string;

beforeEach(async () => {
  ({ directory, remove } = await temporaryDirectory());
  path = join(directory, 'archive');
});
afterEach(() => remove());

const blocks = [['hello', '', 'wörld'], ...Array.from({ length: 30 }, (_, index) => [`${index}`.repeat(50_000)])];

/** Make an archive, and read it in Python. */
async function archived() {
  const store = await openStore(directory, new FaultDisk());
  const log = await endedSession(store, '2026112101', blocks);
  const { index } = await archiveSession(store, log, path);
  await store.close();
  return index;
}

function read() {
  const { status, stdout, stderr } = spawnSync('python3', [script, path], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { status, stderr, lines: lines.map((line) => JSON.parse(line)) };
}

describe.skipIf(pythonMissing)(`the reader of archives in Python (${pythonMissing ?? 'python3 is here'})`, () => {
  it('finds facts and messages with no server and no library', async () => {
    const index = await archived();
    const { status, lines, stderr } = read();
    expect([status, stderr]).toEqual([0, '']);
    const [facts, ...messages] = lines;
    expect(facts).toEqual({ ...index, chunks: index.chunks.length });
    expect(index.chunks.length).toBeGreaterThan(1);
    expect(messages.map(({ seq }) => seq)).toEqual(blocks.flat().map((_, at) => at + 1));
    const payloads = messages.map(({ payload }) => Buffer.from(payload, 'hex').toString());
    expect(payloads).toEqual(blocks.flat());
    expect(messages[0].time).toBeGreaterThanOrEqual(0);
  });

  it('sees that a bit was flipped', async () => {
    const { chunks } = await archived();
    await flipBit(path, chunks[1]!.offset + 100);
    const { status, stderr } = read();
    expect(status).not.toBe(0);
    expect(stderr).toContain(`messages ${chunks[1]!.firstSeq} to ${chunks[1]!.lastSeq} are damaged`);
  });
});
