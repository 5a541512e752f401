import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binHeaderBytes, checkPayloads, decodePayloads, encodePayloads, skipBin } from '../../protocol/index.js';
import { payloads } from './arbitraries.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

describe('payloads', () => {
  test('come back as they were encoded', () => {
    fc.assert(
      fc.property(payloads, (all) => {
        const encoded = encodePayloads(all);
        expect(encoded.count).toBe(all.length);
        expect(checkPayloads(encoded.bytes, all.length)).toEqual(encoded);
        expect([...decodePayloads(encoded.bytes)]).toEqual(all.map((payload) => Buffer.from(payload)));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    [0, 2],
    [0xff, 2],
    [0x100, 3],
    [0xffff, 3],
    [0x1_0000, 5],
  ])('of %i bytes take a header of %i', (length, headerBytes) => {
    const { bytes } = encodePayloads([Buffer.alloc(length, 7)]);
    expect(binHeaderBytes(length)).toBe(headerBytes);
    expect(bytes.length).toBe(headerBytes + length);
    expect(skipBin(bytes, 0)).toBe(bytes.length);
    expect([...decodePayloads(bytes)]).toEqual([Buffer.alloc(length, 7)]);
  });

  test('of none is nothing', () => {
    expect(encodePayloads([])).toEqual({ bytes: Buffer.alloc(0), count: 0 });
    expect([...decodePayloads(Buffer.alloc(0))]).toEqual([]);
  });

  test('may have a wider header than they need', () => {
    const bytes = Buffer.from([0xc5, 0, 1, 0xaa, 0xc6, 0, 0, 0, 1, 0xbb]);
    expect(checkPayloads(bytes, 2).count).toBe(2);
    expect([...decodePayloads(bytes)]).toEqual([Buffer.from([0xaa]), Buffer.from([0xbb])]);
  });

  test('are refused with any other count than the right one', () => {
    fc.assert(
      fc.property(payloads, fc.nat({ max: 40 }), (all, count) => {
        fc.pre(count !== all.length);
        const { bytes } = encodePayloads(all);
        expectProtocolError('ERR_BAD_MESSAGE', () => checkPayloads(bytes, count));
      }),
    );
  });

  test('are refused when cut short anywhere', () => {
    fc.assert(
      fc.property(payloads, fc.nat(), (all, at) => {
        const { bytes } = encodePayloads(all);
        expectProtocolError('ERR_BAD_MESSAGE', () => checkPayloads(bytes.subarray(0, at % bytes.length), all.length));
      }),
    );
  });

  test('are refused when bytes follow them', () => {
    const { bytes } = encodePayloads([Buffer.from('x')]);
    const error = expectProtocolError('ERR_BAD_MESSAGE', () =>
      checkPayloads(Buffer.concat([bytes, Buffer.alloc(3)]), 1),
    );
    expect(error.message).toContain('3 bytes');
  });

  test('are bin values and nothing else', () => {
    for (let marker = 0; marker <= 0xff; marker += 1) {
      if (marker >= 0xc4 && marker <= 0xc6) continue;
      const bytes = Buffer.from([marker, 0, 0, 0, 0, 0]);
      expectProtocolError('ERR_BAD_MESSAGE', () => checkPayloads(bytes, 1));
      expectProtocolError('ERR_BAD_MESSAGE', () => skipBin(bytes, 0));
    }
  });

  test('that claim more than there is are refused, up to the largest claim', () => {
    for (const bytes of [
      [0xc4],
      [0xc4, 1],
      [0xc5, 0],
      [0xc5, 0xff, 0xff],
      [0xc6, 0, 0, 0],
      [0xc6, 0xff, 0xff, 0xff, 0xff],
    ]) {
      expectProtocolError('ERR_BAD_MESSAGE', () => checkPayloads(Buffer.from(bytes), 1));
      expectProtocolError('ERR_BAD_MESSAGE', () => [...decodePayloads(Buffer.from(bytes))]);
    }
  });

  test('are skipped only as far as the given end', () => {
    const { bytes } = encodePayloads([Buffer.from('abc')]);
    expect(skipBin(bytes, 0, bytes.length)).toBe(5);
    expectProtocolError('ERR_BAD_MESSAGE', () => skipBin(bytes, 0, bytes.length - 1));
  });

  test('that are hostile throw nothing but a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 0xffff_ffff }), (input, count) => {
        const bytes = Buffer.from(input);
        onlyProtocolErrors(() => checkPayloads(bytes, count));
        onlyProtocolErrors(() => [...decodePayloads(bytes)]);
      }),
      { numRuns: 500 },
    );
  });
});
