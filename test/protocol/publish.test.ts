import fc from 'fast-check';
import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import {
  blockPayloadBytesMax,
  encodePayloads,
  encodePublishHeader,
  FrameType,
  frameType,
  limits,
  readPublish,
} from '../../protocol/index.js';
import { frameOf, name, payloads } from './arbitraries.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

function encode(number: number, session: string, all: readonly Uint8Array[]): Buffer {
  const encoded = encodePayloads(all);
  return Buffer.concat([encodePublishHeader(number, session, encoded), encoded.bytes]);
}

const big = (value: number, width: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return [...bytes.subarray(8 - width)];
};

/** Every way msgpack has to write an unsigned integer that fits. */
function uintHeaders(value: number): number[][] {
  const all = [1, 2, 4, 8].map((width) => [
    value < 2 ** (8 * width),
    [0xcb + Math.log2(width) + 1, ...big(value, width)],
  ]);
  const wide = all.filter(([fits]) => fits).map(([, bytes]) => bytes as number[]);
  return value <= 0x7f ? [[value], ...wide] : wide;
}

const text = Buffer.from('2026-11-21');
const sessions: [what: string, bytes: number[], session: string][] = [
  ['nil', [0xc0], ''],
  ['a blank fixstr', [0xa0], ''],
  ['a fixstr', [0xa0 | text.length, ...text], '2026-11-21'],
  ['a blank str 8', [0xd9, 0], ''],
  ['a str 8', [0xd9, text.length, ...text], '2026-11-21'],
];
const arrays: [what: string, bytes: number[]][] = [
  ['a fixarray', [0x92]],
  ['an array 16', [0xdc, 0, 2]],
  ['an array 32', [0xdd, 0, 0, 0, 2]],
];
const two = encodePayloads([Buffer.from('hello'), Buffer.from('world')]);

function publishFrame(
  number: readonly number[],
  session: readonly number[],
  array: readonly number[],
  bytes: Uint8Array,
): Buffer {
  return frameOf(Buffer.from([0x94, FrameType.PUBLISH, ...number, ...session, ...array, ...bytes]));
}

describe('a publish', () => {
  test('comes back as it was encoded', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), name, payloads, (number, session, all) => {
        const frame = encode(number, session, all);
        expect(frameType(frame)).toBe(FrameType.PUBLISH);
        expect(frame.readUInt32BE()).toBe(frame.length - 4);
        expect(readPublish(frame)).toEqual({ number, session, payloads: encodePayloads(all), frame });
      }),
      { numRuns: 300 },
    );
  });

  test.each([1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER])(
    'may write its number %i in any width',
    (number) => {
      const headers = uintHeaders(number);
      expect(headers.length).toBeGreaterThan(0);
      for (const header of headers) {
        expect(readPublish(publishFrame(header, [0xa0], [0x92], two.bytes)).number).toBe(number);
      }
    },
  );

  test.each(sessions)('may write its session as %s', (_, bytes, session) => {
    expect(readPublish(publishFrame([1], bytes, [0x92], two.bytes)).session).toBe(session);
  });

  test.each(arrays)('may write its payloads as %s', (_, bytes) => {
    expect(readPublish(publishFrame([1], [0xa0], bytes, two.bytes)).payloads).toEqual(two);
  });

  test('is read as a plain msgpack library writes it', () => {
    const frame = frameOf(pack([FrameType.PUBLISH, 7, 's', [Buffer.from('hello'), Buffer.from('world')]]));
    expect(readPublish(frame)).toMatchObject({ number: 7, session: 's', payloads: two });
  });

  test('that was cut short anywhere is refused, whatever the widths of its headers', () => {
    for (const number of uintHeaders(1)) {
      for (const [, session] of sessions) {
        for (const [, array] of arrays) {
          const frame = publishFrame(number, session, array, two.bytes);
          expect(readPublish(frame).payloads.count).toBe(2);
          for (let length = 4; length < frame.length; length += 1) {
            expectProtocolError('ERR_BAD_MESSAGE', () => readPublish(frame.subarray(0, length)));
          }
        }
      }
    }
  });

  test.each([
    ['a number 0', [0], [0xa0]],
    ['a negative number', [0xff], [0xa0]],
    ['a number that is signed', [0xd0, 1], [0xa0]],
    ['a number that is a float', [0xcb, 0, 0, 0, 0, 0, 0, 0, 0], [0xa0]],
    ['a number beyond 2^53 - 1', [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0], [0xa0]],
    ['the largest number', [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xa0]],
    ['a session that is no string', [1], [0x01]],
    ['a session that is bin', [1], [0xc4, 1, 0x61]],
    ['a session with a str 16 header', [1], [0xda, 0, 1, 0x61]],
    [
      'a session that is too long',
      [1],
      [0xd9, limits.nameBytesMax + 1, ...Buffer.alloc(limits.nameBytesMax + 1, 0x61)],
    ],
    ['a session that is not UTF-8', [1], [0xa2, 0xc3, 0x28]],
  ])('with %s is refused', (_, number, session) => {
    expectProtocolError('ERR_BAD_MESSAGE', () => readPublish(publishFrame(number, session, [0x92], two.bytes)));
  });

  test('that is no array of 4 is refused', () => {
    for (const marker of [0x90, 0x93, 0x95, 0x84, 0xdc]) {
      const frame = publishFrame([1], [0xa0], [0x92], two.bytes);
      frame[4] = marker;
      expectProtocolError('ERR_BAD_MESSAGE', () => readPublish(frame));
    }
  });

  test('without a payload, with payloads that are none, or too few or many of them is refused', () => {
    for (const [array, bytes] of [
      [[0x90], []],
      [[0xc0], []],
      [[0x81], [...two.bytes]],
      [[0x91], [0xa1, 0x61]],
      [[0x91], [...two.bytes]],
      [[0x93], [...two.bytes]],
      [[0xdd, 0xff, 0xff, 0xff, 0xff], [...two.bytes]],
    ] as [number[], number[]][]) {
      expectProtocolError('ERR_BAD_MESSAGE', () => readPublish(publishFrame([1], [0xa0], array, Buffer.from(bytes))));
    }
  });

  test('of one payload may be as large as a payload may be, in a frame that fits', () => {
    const session = 's'.repeat(limits.nameBytesMax);
    const frame = encode(Number.MAX_SAFE_INTEGER, session, [Buffer.alloc(limits.payloadBytesMax)]);
    expect(frame.length - 4).toBeLessThanOrEqual(limits.frameBytesMax);
    expect(readPublish(frame).payloads.count).toBe(1);
    const larger = encode(1, '', [Buffer.alloc(limits.payloadBytesMax + 1)]);
    expectProtocolError('ERR_PUBLISH_TOO_LARGE', () => readPublish(larger));
  });

  test('of several payloads fits one block or is refused', () => {
    const first = Buffer.alloc(100_000);
    const rest = (bytes: number) => Buffer.alloc(bytes - (100_000 + 5) - 5);
    expect(readPublish(encode(1, '', [first, rest(blockPayloadBytesMax)])).payloads.bytes.length).toBe(
      blockPayloadBytesMax,
    );
    const larger = encode(1, '', [first, rest(blockPayloadBytesMax + 1)]);
    expectProtocolError('ERR_PUBLISH_TOO_LARGE', () => readPublish(larger));
  });

  test('holds as many payloads as a block, and not one more', () => {
    const many = Array.from({ length: limits.blockMessagesMax }, () => Buffer.alloc(0));
    expect(readPublish(encode(1, '', many)).payloads.count).toBe(limits.blockMessagesMax);
    expectProtocolError('ERR_PUBLISH_TOO_LARGE', () => readPublish(encode(1, '', [...many, Buffer.alloc(0)])));
  });

  test('cannot be encoded for a session whose name is too long', () => {
    expect(() => encodePublishHeader(1, 's'.repeat(limits.nameBytesMax + 1), two)).toThrow(RangeError);
  });

  test('that is hostile throws nothing but a ProtocolError', () => {
    const good = encode(300, 'session', [Buffer.from('hello'), Buffer.alloc(300)]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 255 })), { maxLength: 5 }),
        fc.nat(),
        (changes, cut) => {
          const frame = Buffer.from(good);
          for (const [at, value] of changes) frame[at] = value;
          onlyProtocolErrors(() =>
            readPublish(cut % 3 === 0 ? frame.subarray(0, 4 + (cut % (frame.length - 4))) : frame),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });
});
