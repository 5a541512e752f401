import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../actors/inputs/input-source.js';
import { StandardInput } from '../../../actors/inputs/standard-input.js';
import { ReadInput } from './reading.js';

function inputOf(chunks: string[], file = '', position?: JsonValue) {
  const starts: (number | undefined)[] = [];
  const standardInput = {
    file: async () => file,
    open: async function* (start: number | undefined) {
      starts.push(start);
      const bytes = Buffer.from(chunks.join('')).subarray(start ?? 0);
      if (file !== '') yield bytes;
      else for (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
  const input = new StandardInput({ lineBytesMax: 100, endOfDay: 'EOD', standardInput });
  return { starts, read: new ReadInput(input, position) };
}

describe('standard input', () => {
  it('gives a message a line to its end, the last one with or without its newline', async () => {
    const { read } = inputOf(['one\ntw', 'o\nEOD\nthree']);
    expect(await read.reached(100)).toEqual(['one', 'two', 'three']);
    expect(read.endsOfDay).toEqual(['end of day in input test']);
  });

  it('is read on from its position when it is the same file', async () => {
    const { read } = inputOf(['one\ntwo\n'], 'a');
    await read.reached(100);
    const again = inputOf(['one\ntwo\nthree\n'], 'a', read.position);
    expect(await again.read.reached(100)).toEqual(['three']);
    expect(again.starts).toEqual([8]);
  });

  it('is read from its start when it is another file, and as it comes when it is none', async () => {
    const { read } = inputOf(['one\ntwo\n'], 'a');
    await read.reached(100);
    const other = inputOf(['x\ny\n'], 'b', read.position);
    expect(await other.read.reached(100)).toEqual(['x', 'y']);
    const pipe = inputOf(['p\n'], '', read.position);
    expect(await pipe.read.reached(100)).toEqual(['p']);
    expect([other.starts, pipe.starts]).toEqual([[0], [undefined]]);
  });
});
