import { describe, expect, it } from 'vitest';
import { Retransmission } from '../../actors/retransmission.js';
import { blockFirstSeq, blockHeaderBytes, readBlockHeader, verifyBlock } from '../../protocol/index.js';
import { type Page, stretchOf } from '../../storage/index.js';
import { turn } from '../support/deadline.js';
import { blockOf, deferred, TestOutlet, textsIn } from './support.js';

/** Blocks [1..4] [5..6] [7..10]. */
const blocks = [blockOf(1, 4), blockOf(5, 2), blockOf(7, 4)];

/** Reads one block at a time. */
function blockwise(from: number): Page {
  const block = [...blocks].reverse().find((candidate) => blockFirstSeq(candidate) <= from)!;
  return { stretches: [stretchOf(block)], next: readBlockHeader(block).lastSeq + 1 };
}

/** Headers and bodies are written one after the other. */
function framesOf({ written }: TestOutlet): Buffer[] {
  const frames: Buffer[] = [];
  for (let index = 0; index < written.length; index += 2) {
    frames.push(Buffer.concat([written[index]!, written[index + 1]!]));
  }
  return frames;
}

async function answer(from: number, to: number, read: (from: number) => Page) {
  const outlet = new TestOutlet();
  await new Retransmission(3, from, to, async (next) => read(next), outlet).run();
  return { outlet, frames: framesOf(outlet) };
}

describe('a retransmission', () => {
  it('sends exactly the range asked for, from the middle of one block to the middle of another', async () => {
    const { outlet, frames } = await answer(3, 8, blockwise);
    expect(textsIn(frames)).toEqual(['3', '4', '5', '6', '7', '8']);
    expect(outlet.sent).toEqual([{ type: 'RETRANSMITTED', request: 3, from: 3, to: 8, messages: 6 }]);
  });

  it('sends frames that carry the number of the request and a crc that holds', async () => {
    const { frames } = await answer(3, 8, blockwise);
    for (const frame of frames) {
      expect(readBlockHeader(frame)).toMatchObject({ log: 3 });
      expect(verifyBlock(frame)).toBe(true);
    }
    expect(frames[0]!.length).toBeGreaterThan(blockHeaderBytes);
  });

  it('sends a single message', async () => {
    const { frames } = await answer(6, 6, blockwise);
    expect(textsIn(frames)).toEqual(['6']);
  });

  it('sends nothing of what a page holds beyond the range', async () => {
    const { frames } = await answer(1, 4, () => ({ stretches: blocks.map(stretchOf), next: 11 }));
    expect(textsIn(frames)).toEqual(['1', '2', '3', '4']);
  });

  it('announces what is lost of the range, no more, and goes on behind it', async () => {
    const read = (from: number): Page =>
      from === 1
        ? { stretches: [], lost: { from: 1, to: 4, reason: 'corrupt' }, next: 5 }
        : { stretches: [stretchOf(blocks[1]!)], lost: { from: 7, to: 10, reason: 'missing' }, next: 11 };
    const { outlet, frames } = await answer(1, 8, read);
    expect(textsIn(frames)).toEqual(['5', '6']);
    expect(outlet.sent).toEqual([
      { type: 'LOST', request: 3, from: 1, to: 4, reason: 'corrupt' },
      { type: 'LOST', request: 3, from: 7, to: 8, reason: 'missing' },
      { type: 'RETRANSMITTED', request: 3, from: 1, to: 8, messages: 2 },
    ]);
  });

  it('reads on only when the client takes what it was sent', async () => {
    const outlet = new TestOutlet();
    const reads: number[] = [];
    const read = async (from: number) => {
      reads.push(from);
      outlet.hasRoom = false;
      return blockwise(from);
    };
    const retransmission = new Retransmission(3, 1, 6, read, outlet);
    const done = retransmission.run();
    await turn();
    retransmission.drained();
    await turn();
    expect(reads).toEqual([1]);
    outlet.hasRoom = true;
    retransmission.drained();
    await done;
    expect(reads).toEqual([1, 5]);
  });

  it('sends nothing more when the client goes while a page is read', async () => {
    const outlet = new TestOutlet();
    const page = deferred<Page>();
    const retransmission = new Retransmission(3, 1, 6, () => page.promise, outlet);
    const done = retransmission.run();
    await turn();
    retransmission.stop();
    page.resolve(blockwise(1));
    await done;
    expect([outlet.written, outlet.sent]).toEqual([[], []]);
  });

  it('ends when the client goes while it has no room', async () => {
    const outlet = new TestOutlet();
    outlet.hasRoom = false;
    const retransmission = new Retransmission(3, 1, 6, async (from) => blockwise(from), outlet);
    const done = retransmission.run();
    retransmission.stop();
    await done;
    expect(outlet.sent).toEqual([]);
  });

  it('fails when the log cannot be read, or answers with another number', async () => {
    const failing = new Retransmission(3, 1, 6, () => Promise.reject(new Error('no disk')), new TestOutlet());
    await expect(failing.run()).rejects.toThrow('no disk');
    const wrong = new Retransmission(
      3,
      1,
      6,
      async () => ({ stretches: [stretchOf(blocks[1]!)], next: 7 }),
      new TestOutlet(),
    );
    await expect(wrong.run()).rejects.toThrow('retransmission wants 1, read 5');
  });
});
