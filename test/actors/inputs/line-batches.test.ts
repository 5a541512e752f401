import { describe, expect, it } from 'vitest';
import { InputError } from '../../../actors/inputs/input-error.js';
import { LineBatches } from '../../../actors/inputs/line-batches.js';
import { blockPayloadBytesMax, limits } from '../../../protocol/index.js';

const options = { name: 'app.log', lineBytesMax: 1_000 };

function cut(lines: LineBatches, ...chunks: string[]) {
  return chunks.flatMap((chunk) => lines.push(Buffer.from(chunk))).map(shown);
}

function shown({ lines, end, endOfDay }: ReturnType<LineBatches['push']>[0]) {
  return [lines.map((line) => line.toString()), end, ...(endOfDay ? ['end of day'] : [])];
}

describe('LineBatches', () => {
  it('gives the lines of a chunk together, with the offset behind the last of them', () => {
    expect(cut(new LineBatches(options), 'one\ntwo\n\nfour\n')).toEqual([[['one', 'two', '', 'four'], 14]]);
  });

  it('lets a line without its newline wait for it, over as many chunks as it takes', () => {
    const lines = new LineBatches(options);
    expect(cut(lines, 'a\nb', 'c', 'd\ne\nf')).toEqual([
      [['a'], 2],
      [['bcd', 'e'], 8],
    ]);
    expect(lines.finish().map(shown)).toEqual([[['f'], 9]]);
    expect(lines.finish()).toEqual([]);
  });

  it('counts on from where it starts', () => {
    expect(cut(new LineBatches(options, 100), 'é\n')).toEqual([[['é'], 103]]);
  });

  it('keeps bytes that are no text as they are', () => {
    const [batch] = new LineBatches(options).push(Buffer.from([0xff, 0x00, 0x0d, 0x0a]));
    expect([...batch!.lines[0]!]).toEqual([0xff, 0x00, 0x0d]);
  });

  it('makes batches that fit one block, by number and by bytes', () => {
    const many = new LineBatches(options).push(Buffer.from('x\n'.repeat(limits.blockMessagesMax + 1)));
    expect(many.map(({ lines, end }) => [lines.length, end])).toEqual([
      [limits.blockMessagesMax, limits.blockMessagesMax * 2],
      [1, (limits.blockMessagesMax + 1) * 2],
    ]);
    const large = new LineBatches({ ...options, lineBytesMax: blockPayloadBytesMax * 2 });
    const line = `${'y'.repeat(blockPayloadBytesMax - 5)}\n`;
    expect(large.push(Buffer.from(line + line + line)).map(({ lines }) => lines.length)).toEqual([1, 1, 1]);
  });

  it('refuses a line that is too long as soon as it is, and says where it is', () => {
    const lines = new LineBatches(options);
    const push = () => cut(lines, 'first\n', 'z'.repeat(600), 'z'.repeat(600));
    expect(push).toThrow(InputError);
    expect(() => cut(new LineBatches(options), `${'z'.repeat(1_001)}\n`)).toThrow(
      /^the line at byte 0 of app\.log has more than 1000 bytes/,
    );
    expect(cut(new LineBatches(options), `${'z'.repeat(1_000)}\n`)).toEqual([[['z'.repeat(1_000)], 1_001]]);
  });

  it('ends the day at the line that says so, and goes on behind it', () => {
    const lines = new LineBatches({ ...options, endOfDay: 'EOD' });
    expect(cut(lines, 'a\nEOD\nb\nEODX\nEOD\nEOD\n')).toEqual([
      [['a'], 6, 'end of day'],
      [['b', 'EODX'], 17, 'end of day'],
      [[], 21, 'end of day'],
    ]);
  });
});
