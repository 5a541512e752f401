import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader, limits } from '../../protocol/index.js';
import { frameOf } from './arbitraries.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

/** Push the chunks one after the other, taking all there is in between. */
function readAll(reader: FrameReader, chunks: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.take(); frame; frame = reader.take()) frames.push(frame);
  }
  return frames;
}

/** Cut a stream at the given places, in whatever order they come. */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (stream.length + 1))), stream.length].sort((a, b) => a - b);
  return ends.map((end, index) => stream.subarray(index === 0 ? 0 : ends[index - 1], end));
}

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe('FrameReader', () => {
  test('finds the same frames however the stream is cut into chunks', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat({ max: 4000 }), { maxLength: 40 }), (all, places) => {
        const frames = all.map(frameOf);
        const reader = new FrameReader(300);
        expect(readAll(reader, cut(Buffer.concat(frames), places))).toEqual(frames);
        expect(reader.pendingBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('finds frames that come one byte at a time', () => {
    const frames = [frameOf(Buffer.from('a')), frameOf(Buffer.alloc(300, 1)), frameOf(Buffer.from('bc'))];
    const stream = Buffer.concat(frames);
    const bytes = Array.from(stream, (_, index) => stream.subarray(index, index + 1));
    expect(readAll(new FrameReader(300), bytes)).toEqual(frames);
  });

  test('takes what was pushed before in one go', () => {
    const frames = [frameOf(Buffer.from('one')), frameOf(Buffer.from('two')), frameOf(Buffer.from('three'))];
    const reader = new FrameReader(300);
    for (const chunk of cut(Buffer.concat(frames), [1, 5, 9, 12])) reader.push(chunk);
    const taken: Buffer[] = [];
    for (let idle = 0; idle < 3; ) {
      const frame = reader.take();
      if (frame) taken.push(frame);
      else idle += 1;
    }
    expect(taken).toEqual(frames);
  });

  test('copies no frame that lies in one chunk', () => {
    const chunk = Buffer.concat([frameOf(Buffer.from('one')), frameOf(Buffer.from('two'))]);
    for (const frame of readAll(new FrameReader(300), [chunk])) expect(frame.buffer).toBe(chunk.buffer);
  });

  test('counts the bytes that wait for the rest of their frame', () => {
    const reader = new FrameReader(300);
    expect(readAll(reader, [Buffer.from([0, 0, 0])])).toEqual([]);
    expect(reader.pendingBytes).toBe(3);
    expect(readAll(reader, [Buffer.from([9, 1, 2])])).toEqual([]);
    expect(reader.pendingBytes).toBe(6);
    expect(readAll(reader, [Buffer.alloc(7)])).toHaveLength(1);
    expect(reader.pendingBytes).toBe(0);
  });

  test('accepts a body of exactly the limit and refuses one byte more', () => {
    const { frameBytesMaxBeforeLogin: limit } = limits;
    expect(readAll(new FrameReader(limit), [frameOf(Buffer.alloc(limit))])).toHaveLength(1);
    expectProtocolError('ERR_FRAME_TOO_LARGE', () => readAll(new FrameReader(limit), [header(limit + 1)]));
  });

  test('applies a raised limit from the next frame on', () => {
    const reader = new FrameReader(10);
    expect(readAll(reader, [frameOf(Buffer.alloc(10))])).toHaveLength(1);
    reader.bodyBytesMax = 20;
    expect(readAll(reader, [frameOf(Buffer.alloc(20))])).toHaveLength(1);
    expectProtocolError('ERR_FRAME_TOO_LARGE', () => readAll(reader, [header(21)]));
  });

  test('refuses a length of 0', () => {
    expectProtocolError('ERR_BAD_FRAME', () => readAll(new FrameReader(10), [header(0)]));
  });

  test('refuses a hostile length from its four bytes alone', () => {
    for (const length of [0xffff_ffff, 0x8000_0000, limits.frameBytesMax + 1]) {
      const reader = new FrameReader(limits.frameBytesMax);
      const error = expectProtocolError('ERR_FRAME_TOO_LARGE', () => readAll(reader, [header(length)]));
      expect(error.message).toContain(`${length}`);
      expect(error.remedy).toBe('never');
    }
  });

  test.each(['GET / HTTP/1.1', 'POST /x HTTP/1.1', 'HEAD / HTTP/1.0', 'PRI * HTTP/2.0', 'OPTIONS * HTTP/1.1'])(
    'recognises the HTTP request %s',
    (request) => {
      const run = () => readAll(new FrameReader(limits.frameBytesMaxBeforeLogin), [Buffer.from(`${request}\r\n\r\n`)]);
      expect(expectProtocolError('ERR_NOT_LATECOMER', run).message).toContain('HTTP');
    },
  );

  test.each([0x01, 0x03])('recognises a TLS hello of record version 3.%i', (minor) => {
    const hello = Buffer.from([0x16, 0x03, minor, 0x02, 0x00, 0x01]);
    const run = () => readAll(new FrameReader(limits.frameBytesMaxBeforeLogin), [hello]);
    expect(expectProtocolError('ERR_NOT_LATECOMER', run).message).toContain('TLS');
  });

  test('looks for other protocols at the start of the stream only', () => {
    const reader = new FrameReader(limits.frameBytesMax);
    expect(readAll(reader, [frameOf(Buffer.from('x'))])).toHaveLength(1);
    expectProtocolError('ERR_FRAME_TOO_LARGE', () => readAll(reader, [Buffer.from('GET / HTTP/1.1')]));
  });

  test('throws nothing but a ProtocolError for any stream of bytes', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 });
    fc.assert(
      fc.property(chunks, fc.boolean(), (all, small) => {
        const bytes = all.map((chunk) => Buffer.from(chunk));
        if (small && bytes[0] && bytes[0].length > 2) bytes[0].fill(0, 0, 2);
        onlyProtocolErrors(() => readAll(new FrameReader(1000), bytes));
      }),
      { numRuns: 500 },
    );
  });
});
