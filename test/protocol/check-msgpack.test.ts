import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { checkMsgpack } from '../../protocol/check-msgpack.js';
import { limits } from '../../protocol/index.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const bytes = (...values: (number | readonly number[])[]) => Buffer.from(values.flat());
const refused = (input: Buffer, words: string) => {
  expect(expectProtocolError('ERR_BAD_MESSAGE', () => checkMsgpack(input)).message).toContain(words);
};

describe('checkMsgpack', () => {
  test('lets everything pass that JSON can say, as msgpack', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: limits.depthMax - 1, stringUnit: 'binary' }), (value) => {
        checkMsgpack(packr.pack(value));
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, Buffer]>([
    ['nil', bytes(0xc0)],
    ['booleans', bytes(0x92, 0xc2, 0xc3)],
    [
      'integers of any width',
      bytes(
        0x9a,
        0x7f,
        0xe0,
        0xcc,
        1,
        0xcd,
        0,
        1,
        0xce,
        0,
        0,
        0,
        1,
        0xcf,
        Array(8).fill(0),
        0xd0,
        1,
        0xd1,
        0,
        1,
        0xd2,
        0,
        0,
        0,
        1,
        0xd3,
        Array(8).fill(0),
      ),
    ],
    ['floats', bytes(0x92, 0xca, 0, 0, 0, 0, 0xcb, Array(8).fill(0))],
    ['strings of any width', bytes(0x94, 0xa1, 0x61, 0xd9, 1, 0x61, 0xda, 0, 1, 0x61, 0xdb, 0, 0, 0, 1, 0x61)],
    ['bin of any width', bytes(0x93, 0xc4, 1, 0xff, 0xc5, 0, 1, 0xff, 0xc6, 0, 0, 0, 1, 0xff)],
    ['arrays of any width', bytes(0x93, 0x91, 1, 0xdc, 0, 1, 1, 0xdd, 0, 0, 0, 1, 1)],
    ['maps of any width', bytes(0x93, 0x81, 0xa0, 1, 0xde, 0, 1, 0xa0, 1, 0xdf, 0, 0, 0, 1, 0xa0, 1)],
    ['empty arrays and maps', bytes(0x96, 0x90, 0x80, 0xdc, 0, 0, 0xdd, 0, 0, 0, 0, 0xde, 0, 0, 0xdf, 0, 0, 0, 0)],
  ])('lets %s pass, and no part of it', (_, input) => {
    checkMsgpack(input);
    for (let length = 0; length < input.length; length += 1) {
      expectProtocolError('ERR_BAD_MESSAGE', () => checkMsgpack(input.subarray(0, length)));
    }
    refused(Buffer.concat([input, bytes(0xc0)]), '1 bytes behind the value');
  });

  test.each([0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])(
    'refuses what starts with byte %i: unused or ext',
    (marker) => {
      refused(bytes(0x91, marker, Array(20).fill(1)), `byte 0x${marker.toString(16)} at 1`);
    },
  );

  test.each<[string, number[]]>([
    ['a lone continuation byte', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a truncated sequence', [0xe2, 0x82]],
    ['a code point beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses a string with %s', (_, text) => {
    refused(bytes(0xa0 | text.length, text), 'not UTF-8');
    refused(bytes(0x81, 0xa0 | text.length, text, 1), 'not UTF-8');
  });

  test.each([[[0x01]], [[0xc0]], [[0xc4, 1, 0x61]], [[0x90]], [[0x80]], [[0xca, 0, 0, 0, 0]]])(
    'refuses a map with the key %j',
    (key) => {
      refused(bytes(0x81, key, 1), 'not a string');
      refused(bytes(0x82, 0xa1, 0x61, 1, key, 1), 'not a string');
    },
  );

  test('counts levels of nesting from the outermost array', () => {
    const nested = (depth: number) => bytes(Array(depth - 1).fill(0x91), 0x90);
    checkMsgpack(nested(limits.depthMax));
    refused(nested(limits.depthMax + 1), `nesting deeper than ${limits.depthMax}`);
    refused(bytes(Array(1_000_000).fill(0x91)), 'nesting deeper');
    refused(Buffer.concat(Array(1000).fill(bytes(0x81, 0xa1, 0x61))), 'nesting deeper');
  });

  test('counts levels, not how often there is one', () => {
    checkMsgpack(bytes(0xdc, 0, 100, Array(100).fill([0x91, 0x90]).flat()));
  });

  test('bounds the number of values, however small they are', () => {
    const array = (length: number) => {
      const input = Buffer.alloc(5 + length, 0x80);
      input[0] = 0xdd;
      input.writeUInt32BE(length, 1);
      return input;
    };
    checkMsgpack(array(limits.controlValuesMax - 1));
    refused(array(limits.controlValuesMax), `more than ${limits.controlValuesMax} values`);
  });

  test.each<[string, number[]]>([
    ['an array', [0xdd]],
    ['a map', [0xdf]],
    ['a string', [0xdb]],
    ['a bin', [0xc6]],
  ])('refuses %s that claims more than there is, at once', (_, marker) => {
    refused(bytes(marker, 0xff, 0xff, 0xff, 0xff, 1, 2, 3), 'longer than the frame');
  });

  test('refuses nothing at all', () => {
    refused(Buffer.alloc(0), 'longer than the frame');
  });

  test('throws nothing but a ProtocolError for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (input) => {
        onlyProtocolErrors(() => checkMsgpack(Buffer.from(input)));
      }),
      { numRuns: 3000 },
    );
  });
});
