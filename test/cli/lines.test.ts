import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../cli/lines.js';

async function linesOf(chunks: readonly (Buffer | string)[], lineBytesMax = 1_000): Promise<string[][]> {
  const groups: string[][] = [];
  const input = (async function* () {
    yield* chunks;
  })();
  for await (const group of readLines(input, lineBytesMax)) groups.push(group.map((line) => line.toString()));
  return groups;
}

describe('readLines', () => {
  it('yields the lines that a chunk completes together', async () => {
    expect(await linesOf(['a\nb\nc', 'd\n', 'e'])).toEqual([['a', 'b'], ['cd'], ['e']]);
  });

  it('takes an empty line as an empty message, and no line behind the last newline', async () => {
    expect(await linesOf(['\n\na\n'])).toEqual([['', '', 'a']]);
    expect(await linesOf([])).toEqual([]);
  });

  it('keeps bytes as they are, wherever a chunk ends', async () => {
    const check = fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 20 }).filter((line) => !line.includes(10))),
      fc.integer({ min: 1, max: 7 }),
      async (lines, chunkBytes) => {
        const whole = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
        const chunks: Buffer[] = [];
        for (let start = 0; start < whole.length; start += chunkBytes) {
          chunks.push(whole.subarray(start, start + chunkBytes));
        }
        const found: Buffer[] = [];
        const input = (async function* () {
          yield* chunks;
        })();
        for await (const group of readLines(input, 20)) found.push(...group);
        expect(found.map((line) => line.toString('hex'))).toEqual(
          lines.map((line) => Buffer.from(line).toString('hex')),
        );
      },
    );
    await fc.assert(check);
  });

  it('names the line that is too long before it has been read to its end', async () => {
    await expect(linesOf(['a\n1234', '567', '89'], 6)).rejects.toThrow('line 2 is longer than 6 bytes');
  });
});
