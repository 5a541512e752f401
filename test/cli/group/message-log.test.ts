import { describe, expect, it } from 'vitest';
import { MessageLog, MessageLogError } from '../../../cli/group/message-log.js';
import { Crash, type CrashPoint, MemoryDisk, type Tear } from './memory-file.js';

const epoch = 'e000000000000001';
/** Messages 1 to 9 as they arrive; 5 and 6 are lost to this participant. */
const batches = [
  [1, 1],
  [2, 4],
  [7, 9],
] as const;
const lineOf = (seq: number): string => (seq === 3 ? '' : `message ${'x'.repeat(seq)} ${seq}`);
const numbers = batches.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
const whole = numbers.map((seq) => `${lineOf(seq)}\n`).join('');

function open(disk: MemoryDisk): Promise<MessageLog> {
  return MessageLog.open({ log: disk.open('log'), position: disk.open('position'), name: 'log' });
}

/** One life of a participant: it opens its log and is sent, batch by batch, what is behind its position. */
async function live(disk: MemoryDisk): Promise<void> {
  const log = await open(disk);
  for (const [first, last] of batches) {
    const from = Math.max(first, (log.position?.seq ?? 0) + 1);
    const lines = [];
    for (let seq = from; seq <= last; seq += 1) lines.push(lineOf(seq));
    if (lines.length > 0) await log.append(lines, { epoch, seq: last });
  }
}

/** A life that may end with a crash. @returns whether it did */
async function crashes(disk: MemoryDisk, at: CrashPoint): Promise<boolean> {
  disk.crashAt = at;
  disk.steps = [];
  try {
    await live(disk);
    return false;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return true;
  } finally {
    disk.crashAt = undefined;
  }
}

async function stepsOf(disk: MemoryDisk): Promise<number[]> {
  disk.steps = [];
  await live(disk);
  return disk.steps;
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk();
  for (const [name, bytes] of disk.files) copy.files.set(name, Buffer.from(bytes));
  return copy;
}

describe('a message log', () => {
  it('holds one line a message and goes on behind its last one', async () => {
    const disk = new MemoryDisk();
    await live(disk);
    expect(disk.files.get('log')!.toString()).toBe(whole);
    const log = await open(disk);
    expect(log.position).toEqual({ epoch, seq: 9 });
    await log.append(['ten'], { epoch, seq: 10 });
    expect(disk.files.get('log')!.toString()).toBe(`${whole}ten\n`);
    expect((await open(disk)).position).toEqual({ epoch, seq: 10 });
  });

  it.each<[Tear]>([['nothing'], ['zeros'], ['garbage']])(
    'has every line once after a crash at every byte of every write, torn with %s',
    async (tear) => {
      const steps = await stepsOf(new MemoryDisk());
      let crashed = 0;
      for (const [step, size] of steps.entries()) {
        for (let bytes = 0; bytes <= size; bytes += 1) {
          const disk = new MemoryDisk();
          if (await crashes(disk, { step, bytes, tear })) crashed += 1;
          await open(disk);
          const left = disk.files.get('log')!.toString();
          expect(left === '' || (whole.startsWith(left) && left.endsWith('\n')), `${left} is whole lines`).toBe(true);
          await live(disk);
          expect(disk.files.get('log')!.toString(), `crash at byte ${bytes} of write ${step}`).toBe(whole);
        }
      }
      expect(crashed).toBe(steps.reduce((sum, size) => sum + size + 1, 0));
    },
  );

  it('never takes a line back that was whole', async () => {
    const steps = await stepsOf(new MemoryDisk());
    for (const [step, size] of steps.entries()) {
      const disk = new MemoryDisk();
      await crashes(disk, { step, bytes: size, tear: 'nothing' });
      const before = disk.files.get('log')!.toString();
      await open(disk);
      expect(disk.files.get('log')!.toString()).toBe(before);
    }
  });

  it('has every line once when the life after a crash crashes too', async () => {
    for (const [step, size] of (await stepsOf(new MemoryDisk())).entries()) {
      for (const bytes of [0, 1, Math.floor(size / 2), size - 1, size]) {
        const first = new MemoryDisk();
        await crashes(first, { step, bytes, tear: 'garbage' });
        for (const [again, againSize] of (await stepsOf(copyOf(first))).entries()) {
          for (const againBytes of [0, 1, Math.floor(againSize / 2), againSize]) {
            const disk = copyOf(first);
            await crashes(disk, { step: again, bytes: againBytes, tear: 'zeros' });
            await live(disk);
            expect(disk.files.get('log')!.toString(), `crashes at ${step}:${bytes}, ${again}:${againBytes}`).toBe(
              whole,
            );
          }
        }
      }
    }
  });

  it('continues a file without position at its end, and knows no position then', async () => {
    const disk = new MemoryDisk();
    disk.files.set('log', Buffer.from('from elsewhere\n'));
    const log = await open(disk);
    expect(log.position).toBeUndefined();
    await log.append(['first'], { epoch, seq: 41 });
    expect(disk.files.get('log')!.toString()).toBe('from elsewhere\nfirst\n');
    expect((await open(disk)).position).toEqual({ epoch, seq: 41 });
  });

  it('refuses a log that somebody has shortened, and a position that is damaged', async () => {
    const disk = new MemoryDisk();
    await live(disk);
    const shortened = copyOf(disk);
    shortened.files.set('log', Buffer.from('short'));
    await expect(open(shortened)).rejects.toThrow(MessageLogError);
    await expect(open(shortened)).rejects.toThrow(
      /^log has 5 bytes, and had \d+ of which its position was kept: put it back, or remove log\.position/,
    );
    disk.files.get('position')!.fill('?');
    await expect(open(disk)).rejects.toThrow('log.position is damaged: remove it to continue log at its end');
  });
});
