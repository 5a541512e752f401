import fc from 'fast-check';
import { Packr, unpack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeMessage,
  FrameType,
  frameType,
  frameTypeName,
  limits,
  type ServerMessage,
} from '../../protocol/index.js';
import { clientMessage, frameOf, serverMessage } from './arbitraries.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const frame = (code: number, fields: unknown, ...more: unknown[]) => frameOf(packr.pack([code, fields, ...more]));
const bytes = (...values: (number | readonly number[] | Buffer)[]) =>
  Buffer.concat(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from([value].flat()))));
const key = (name: string) => bytes(0xa0 | name.length, Buffer.from(name));
const refused = (input: Buffer, words: string) => {
  expect(expectProtocolError('ERR_BAD_MESSAGE', () => decodeClientMessage(input)).message).toContain(words);
};

describe('a control message', () => {
  test('of a client comes back as it was encoded', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        expect(decodeClientMessage(encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test('of a server comes back as it was encoded', () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        expect(decodeServerMessage(encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test('is a frame of its own length, with its type at byte 5', () => {
    fc.assert(
      fc.property(fc.oneof(clientMessage, serverMessage), (message: ClientMessage | ServerMessage) => {
        const encoded = encodeMessage(message);
        expect(encoded.readUInt32BE()).toBe(encoded.length - 4);
        expect(frameType(encoded)).toBe(FrameType[message.type]);
        expect(encoded[5]).toBe(FrameType[message.type]);
      }),
    );
  });

  test('has integers beyond 32 bits as integers, never as floats', () => {
    const numbers = [0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER];
    for (const seq of numbers) {
      const encoded = encodeMessage({ type: 'LIVE', log: 1, seq });
      expect(encoded.includes(Buffer.from([0xcb]))).toBe(false);
      const plain = unpack(encoded.subarray(4)) as [number, { seq: number | bigint }];
      expect(BigInt(plain[1].seq)).toBe(BigInt(seq));
      expect(decodeServerMessage(encoded)).toEqual({ type: 'LIVE', log: 1, seq });
    }
  });

  test('leaves out fields that are undefined, and reads nil as absent', () => {
    const absent = encodeMessage({ type: 'SUBSCRIBE', request: 1 });
    const explicit = { type: 'SUBSCRIBE', request: 1, from: undefined } as unknown as ClientMessage;
    expect(encodeMessage(explicit)).toEqual(absent);
    const nil = frame(FrameType.SUBSCRIBE, { request: 1, from: null, session: null });
    expect(decodeClientMessage(nil)).toEqual({ type: 'SUBSCRIBE', request: 1 });
  });

  test('may have fields this version does not know, and they are dropped', () => {
    const fields = { log: 7, later: { deep: [1, 'two', true] }, constructor: 1, toString: 'x' };
    expect(decodeClientMessage(frame(FrameType.UNSUBSCRIBE, fields))).toEqual({ type: 'UNSUBSCRIBE', log: 7 });
  });

  test('is only taken from the side that sends it', () => {
    fc.assert(
      fc.property(clientMessage, serverMessage, (fromClient, fromServer) => {
        fc.pre(fromClient.type !== 'HEARTBEAT' && fromServer.type !== 'HEARTBEAT');
        expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeServerMessage(encodeMessage(fromClient)));
        expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeClientMessage(encodeMessage(fromServer)));
      }),
      { numRuns: 300 },
    );
    const heartbeat = encodeMessage({ type: 'HEARTBEAT' });
    expect(decodeClientMessage(heartbeat)).toEqual({ type: 'HEARTBEAT' });
    expect(decodeServerMessage(heartbeat)).toEqual({ type: 'HEARTBEAT' });
  });
});

describe('the type of a frame', () => {
  test('that no version has is unknown', () => {
    const known = new Set<number>(Object.values(FrameType));
    for (let code = 0; code <= 0x7f; code += 1) {
      if (known.has(code)) continue;
      expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeClientMessage(frame(code, {})));
      expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeServerMessage(frame(code, {})));
      expect(frameTypeName(code)).toBe(`type ${code}`);
    }
  });

  test('of a publish or a block is not that of a control message', () => {
    for (const code of [FrameType.PUBLISH, FrameType.MESSAGES, FrameType.RETRANSMISSION]) {
      expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeClientMessage(frame(code, {})));
      expectProtocolError('ERR_UNKNOWN_TYPE', () => decodeServerMessage(frame(code, {})));
    }
    expect(frameTypeName(FrameType.PUBLISH)).toBe('PUBLISH');
  });

  test.each<[string, number[]]>([
    ['an empty array', [0x90]],
    ['no array', [0x01]],
    ['a map', [0x81, 0x01, 0x01]],
    ['a long array header', [0xdc, 0, 2, 1, 0x80]],
    ['an array without its first element', [0x92]],
    ['a type that is a string', [0x92, 0xa1, 0x61]],
    ['a type of two bytes', [0x92, 0xcc, 0x01, 0x80]],
    ['a negative type', [0x92, 0xff, 0x80]],
  ])('cannot be read from %s', (_, body) => {
    expectProtocolError('ERR_BAD_MESSAGE', () => frameType(frameOf(Buffer.from(body))));
    refused(frameOf(Buffer.from(body)), 'starts with its type');
  });
});

describe('a control message of the wrong shape', () => {
  test.each<[string, Buffer]>([
    ['no fields', frameOf(packr.pack([FrameType.HEARTBEAT]))],
    ['an array for its fields', frame(FrameType.HEARTBEAT, [])],
    ['nil for its fields', frame(FrameType.HEARTBEAT, null)],
    ['a string for its fields', frame(FrameType.HEARTBEAT, 'x')],
    ['bin for its fields', frame(FrameType.HEARTBEAT, Buffer.alloc(3))],
    ['a third element', frame(FrameType.HEARTBEAT, {}, 1)],
  ])('is refused: %s', (_, input) => {
    refused(input, 'HEARTBEAT is not an array of its type and a map of fields');
  });

  test.each<[words: string, fields: Record<string, unknown>]>([
    ['versions is missing (expected [uint])', {}],
    ['versions is missing (expected [uint])', { versions: null }],
    ['versions is not [uint]', { versions: 1 }],
    ['versions is not [uint]', { versions: ['1'] }],
    ['versions is not [uint]', { versions: [-1] }],
    ['versions is not [uint]', { versions: [1.5] }],
    ['versions is not [uint]', { versions: [2 ** 53] }],
    ['versions is not [uint]', { versions: [Number.NaN] }],
    ['versions is not [uint]', { versions: [Number.POSITIVE_INFINITY] }],
    ['versions is not [uint]', { versions: Array(17).fill(1) }],
    ['client is not name', { versions: [1], client: 1 }],
    ['client is not name', { versions: [1], client: 'x'.repeat(limits.nameBytesMax + 1) }],
    ['client is not name', { versions: [1], client: 'é'.repeat(limits.nameBytesMax / 2 + 1) }],
    ['durability is not disk \\| os', { versions: [1], durability: 'tape' }],
    ['durability is not disk \\| os', { versions: [1], durability: 'toString' }],
    ['subscribe is not subscribe', { versions: [1], subscribe: [] }],
    ['subscribe is not subscribe', { versions: [1], subscribe: {} }],
    ['subscribe is not subscribe', { versions: [1], subscribe: { request: 1, wait: 1 } }],
  ])('is refused with the field and what it should be: %s', (words, fields) => {
    refused(frame(FrameType.LOGIN, fields), `LOGIN: ${words}`);
  });

  test('is refused when it comes from a server, too', () => {
    const run = { source: 's', session: 's', epoch: 'e', durability: 'disk', number: 1 };
    for (const runs of [
      [[1, 1, 1]],
      [[1, 1, 1, 1, 1]],
      [1],
      [{}],
      [['1', 1, 1, 1]],
      Array(limits.blockMessagesMax + 1).fill([1, 1, 1, 1]),
    ]) {
      const input = frame(FrameType.ACKNOWLEDGED, { ...run, runs });
      const error = expectProtocolError('ERR_BAD_MESSAGE', () => decodeServerMessage(input));
      expect(error.message).toBe('ACKNOWLEDGED: runs is not [run]');
    }
    const list = frame(FrameType.SESSION_LIST, { request: 1, sessions: [{ source: 's' }] });
    expectProtocolError('ERR_BAD_MESSAGE', () => decodeServerMessage(list));
    for (const state of [1, [], null, 'x']) {
      expectProtocolError('ERR_BAD_MESSAGE', () =>
        decodeServerMessage(frame(FrameType.INSPECTION, { request: 1, state })),
      );
    }
  });
});

describe('a hostile control message', () => {
  const heartbeat = [0x92, FrameType.HEARTBEAT];

  test('with bytes behind it is refused', () => {
    refused(frameOf(bytes(heartbeat, 0x80, 0xc0)), '1 bytes behind the value');
  });

  test('with 0xc1 is refused', () => {
    refused(frameOf(bytes(heartbeat, 0x81, key('x'), 0xc1)), '0xc1');
  });

  test('with a string that is not UTF-8 is refused, in a name or anywhere', () => {
    refused(frameOf(bytes(0x92, FrameType.LOGIN, 0x81, key('client'), 0xa2, 0xc3, 0x28)), 'not UTF-8');
    refused(frameOf(bytes(heartbeat, 0x81, key('x'), 0xa1, 0xff)), 'not UTF-8');
  });

  test('may have a name with U+FFFD in it, which is a character like any other', () => {
    const message = { type: 'LOGIN', versions: [1], client: 'a\ufffdb' } as const;
    expect(decodeClientMessage(frame(FrameType.LOGIN, { versions: [1], client: 'a\ufffdb' }))).toEqual(message);
  });

  test('cannot nest deep', () => {
    refused(frameOf(bytes(heartbeat, Array(100_000).fill(0x91))), 'nesting deeper');
    refused(frameOf(bytes(heartbeat, 0x81, key('x'), Array(100_000).fill(0x91))), 'nesting deeper');
  });

  test('cannot smuggle in a prototype', () => {
    const proto = bytes(heartbeat, 0x81, key('__proto__'), 0x81, key('polluted'), 0xc3);
    expect(decodeClientMessage(frameOf(proto))).toEqual({ type: 'HEARTBEAT' });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const required = bytes(0x92, FrameType.UNSUBSCRIBE, 0x81, key('__proto__'), 0x81, key('log'), 0x01);
    refused(frameOf(required), 'log is missing');
  });

  test.each<[string, Buffer]>([
    ['a record definition', bytes(0xd4, 0x72, 0x40, 0x91, key('a'), 0x01)],
    ['a record definition of two bytes', bytes(0xd5, 0x72, 0x40, 0x01, 0x91, key('a'), 0x01)],
    ['a date', bytes(0xd6, 0xff, 0, 0, 0, 0)],
    ['a regular expression', bytes(0xc7, 0, 0x78, 0x92, key('(a+)+$'), 0xa0)],
    ['an error', bytes(0xc7, 0, 0x65, 0x93, key('Error'), key('m'), 0xc0)],
    ['a set', bytes(0xc7, 0, 0x73, 0x91, 0x01)],
    ['a huge integer', bytes(0xc8, 0xff, 0xff, 0x42, Buffer.alloc(0xffff, 0xff))],
    ['a typed array', bytes(0xc7, 9, 0x74, 8, Buffer.alloc(8))],
    ['bundled strings', bytes(0xd6, 0x62, 0, 0, 0, 1, 0xa0, 0xa0, 0x80)],
    ['a reference', bytes(0xd6, 0x69, 0, 0, 0, 1, 0x90)],
    ['undefined of ext 0', bytes(0xd4, 0, 0)],
    ['an unknown ext', bytes(0xc7, 1, 0x20, 0)],
  ])('with %s of msgpackr is refused', (_, value) => {
    refused(frameOf(bytes(heartbeat, 0x81, key('x'), value)), 'starts no value a control message may hold');
    refused(frameOf(bytes(heartbeat, value)), 'starts no value a control message may hold');
  });

  test('cannot make small integers mean records', () => {
    const input = frame(FrameType.LOGIN, { versions: Array.from({ length: 16 }, (_, index) => 0x40 + index) });
    expect(decodeClientMessage(input)).toEqual({
      type: 'LOGIN',
      versions: Array.from({ length: 16 }, (_, index) => 0x40 + index),
    });
  });

  test('cannot claim memory that it does not bring', () => {
    for (const marker of [0xdd, 0xdf, 0xdb, 0xc6]) {
      refused(frameOf(bytes(heartbeat, 0x81, key('x'), marker, [0xff, 0xff, 0xff, 0xff])), 'longer than the frame');
    }
    const objects = Buffer.alloc(limits.frameBytesMax, 0x80);
    bytes(heartbeat, 0x81, key('x'), 0xdd).copy(objects);
    objects.writeUInt32BE(limits.frameBytesMax - 10, 6);
    expectProtocolError('ERR_BAD_MESSAGE', () => decodeClientMessage(frameOf(objects)));
  });

  test('that is any bytes throws nothing but a ProtocolError', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(FrameType)), fc.uint8Array({ maxLength: 80 }), (code, rest) => {
        const input = frameOf(bytes(0x92, code, Buffer.from(rest)));
        onlyProtocolErrors(() => decodeClientMessage(input));
        onlyProtocolErrors(() => decodeServerMessage(input));
        onlyProtocolErrors(() => decodeClientMessage(frameOf(rest)));
      }),
      { numRuns: 2000 },
    );
  });

  test('that is a good one with some bytes changed, cut or added throws nothing but a ProtocolError', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
    const message = fc.oneof(clientMessage, serverMessage) as fc.Arbitrary<ClientMessage | ServerMessage>;
    fc.assert(
      fc.property(
        message,
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: -20, max: 20 }),
        (good, changes, longer) => {
          const encoded = encodeMessage(good);
          for (const [at, value] of changes) encoded[4 + (at % (encoded.length - 4))] = value;
          const end = Math.max(5, encoded.length + Math.min(0, longer));
          const input = frameOf(Buffer.concat([encoded.subarray(4, end), Buffer.alloc(Math.max(0, longer))]));
          onlyProtocolErrors(() => decodeClientMessage(input));
          onlyProtocolErrors(() => decodeServerMessage(input));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
