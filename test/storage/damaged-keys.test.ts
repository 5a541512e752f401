import { MemoryLevel } from 'memory-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealBlock } from '../../protocol/index.js';
import type { LevelHandle } from '../../storage/index.js';
import { blockKey } from '../../storage/keys.js';
import { readLogBounds } from '../../storage/log-bounds.js';
import { planCoalescing } from '../../storage/plan-coalescing.js';
import { readPage } from '../../storage/read-page.js';
import { texts } from '../support/payloads.js';

const log = 3;
let level: LevelHandle;

beforeEach(() => {
  level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
});
afterEach(() => level.close());

function block(seq: number): Buffer {
  return sealBlock(log, seq, seq * 100, [texts(`message ${seq}`)]);
}

/** A key of the log's range that is too short, or too long, to be one. */
function unfit(seq: number, bytes: 12 | 14): Buffer {
  const key = Buffer.concat([blockKey(log, seq), Buffer.from([0])]);
  return key.subarray(0, bytes);
}

describe.each([12, 14] as const)('a key of a block that has become %i bytes long', (bytes) => {
  it('loses no message whose block is whole', async () => {
    await level.put(blockKey(log, 1), block(1));
    await level.put(unfit(0x1_00, bytes), block(2));
    await level.put(blockKey(log, 0x1_01), block(3));
    const page = await readPage(level, log, 1, 3);
    expect([page.stretches.map(({ firstSeq }) => firstSeq), page.lost, page.next]).toEqual([[1, 2, 3], undefined, 4]);
  });

  it('is left where it is by the coalescer, which goes on behind it', () => {
    const entries: [Buffer, Buffer][] = [1, 2, 3, 4, 5].map((seq) => [blockKey(log, seq), block(seq)]);
    entries[2] = [unfit(3, bytes), block(3)];
    const { operations, doneSeq } = planCoalescing(entries, 0, false);
    expect(operations.map(({ type, key }) => [type, key])).toEqual([
      ['put', blockKey(log, 2)],
      ['del', blockKey(log, 1)],
      ['put', blockKey(log, 5)],
      ['del', blockKey(log, 4)],
    ]);
    expect(doneSeq).toBe(5);
  });

  it('as the last one of a log is made up for by its block', async () => {
    await level.put(unfit(0x1_00, bytes), block(7));
    expect(await readLogBounds(level, log)).toEqual({ firstSeq: 7, lastSeq: 7, timeMs: 700 });
  });

  it('as the last one of a log whose block is damaged too gives no number out again', async () => {
    await level.put(unfit(0x1_00, bytes), block(7).subarray(0, 20));
    await expect(readLogBounds(level, log)).rejects.toThrow('Corruption: neither the last key of log 3');
  });
});
