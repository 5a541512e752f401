import fc from 'fast-check';
import { unpack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import {
  blockBody,
  blockFirstSeq,
  blockHeaderBytes,
  blockLastSeq,
  blockPayloadBytesMax,
  blockPayloads,
  decodePayloads,
  encodePayloads,
  FrameType,
  limits,
  readBlockHeader,
  retransmissionHeader,
  sealBlock,
  sliceBlock,
  splitBlocks,
  verifyBlock,
} from '../../protocol/index.js';
import { payloads } from './arbitraries.js';
import { expectProtocolError, onlyProtocolErrors } from './expect-protocol-error.js';

const log = fc.integer({ min: 0, max: 0xffff_ffff });
const firstSeq = fc.oneof(
  fc.integer({ min: 1, max: 1000 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 100 }),
);
const timeMs = fc.maxSafeNat();
const example = () =>
  sealBlock(3, 10, 1_795_000_000_000, [encodePayloads(['a', 'bb', 'ccc', 'dddd'].map((text) => Buffer.from(text)))]);

const texts = (block: Buffer) => [...decodePayloads(block, blockHeaderBytes)].map(String);

describe('a sealed block', () => {
  test('holds what it was sealed from, of one part or many', () => {
    fc.assert(
      fc.property(
        log,
        firstSeq,
        timeMs,
        fc.array(payloads, { minLength: 1, maxLength: 4 }),
        (number, first, time, parts) => {
          const block = sealBlock(number, first, time, parts.map(encodePayloads));
          const count = parts.flat().length;
          expect(readBlockHeader(block)).toMatchObject({
            type: FrameType.MESSAGES,
            log: number,
            firstSeq: first,
            lastSeq: first + count - 1,
            count,
            timeMs: time,
          });
          expect([blockFirstSeq(block), blockLastSeq(block)]).toEqual([first, first + count - 1]);
          expect([...decodePayloads(blockPayloads(block).bytes)]).toEqual(
            parts.flat().map((payload) => Buffer.from(payload)),
          );
          expect(verifyBlock(block)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is msgpack that any library reads', () => {
    const block = example();
    const { crc } = readBlockHeader(block);
    expect(unpack(block.subarray(4))).toEqual([
      FrameType.MESSAGES,
      3,
      10n,
      1_795_000_000_000n,
      crc,
      ['a', 'bb', 'ccc', 'dddd'].map((text) => Buffer.from(text)),
    ]);
  });

  test('of the most payload bytes fits the block limit, and of the largest payload the frame limit', () => {
    expect(blockPayloadBytesMax + blockHeaderBytes).toBe(limits.blockBytesMax);
    const block = sealBlock(1, 1, 0, [encodePayloads([Buffer.alloc(limits.payloadBytesMax)])]);
    expect(block.length - 4).toBeLessThanOrEqual(limits.frameBytesMax);
    expect(verifyBlock(block)).toBe(true);
  });

  test('has numbers beyond 32 bits as they are', () => {
    const block = sealBlock(0xffff_ffff, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, [
      encodePayloads([Buffer.from('x')]),
    ]);
    expect(readBlockHeader(block)).toMatchObject({
      log: 0xffff_ffff,
      lastSeq: Number.MAX_SAFE_INTEGER,
      timeMs: Number.MAX_SAFE_INTEGER,
    });
  });

  test('shows every flipped bit of it, but for the log and the one between the two types of a block', () => {
    const block = example();
    const unnoticed: string[] = [];
    for (let byte = 0; byte < block.length; byte += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = Buffer.from(block);
        flipped[byte]! ^= 1 << bit;
        if (verifyBlock(flipped)) unnoticed.push(`${byte}.${bit}`);
      }
    }
    const uncovered = [7, 8, 9, 10].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => `${byte}.${bit}`));
    expect(unnoticed).toEqual(['5.3', ...uncovered]);
    expect(FrameType.MESSAGES ^ FrameType.RETRANSMISSION).toBe(1 << 3);
  });

  test('that was cut short or has bytes behind it is none', () => {
    const block = example();
    for (let length = 0; length < block.length; length += 1) {
      expect(verifyBlock(block.subarray(0, length))).toBe(false);
      expectProtocolError('ERR_BAD_MESSAGE', () => readBlockHeader(block.subarray(0, length)));
    }
    expect(verifyBlock(Buffer.concat([block, Buffer.alloc(1)]))).toBe(false);
  });

  test('of no message, or with numbers that cannot be, is none', () => {
    const refused: [offset: number, value: bigint, width: 4 | 8][] = [
      [35, 0n, 4],
      [12, 0n, 8],
      [12, 2n ** 53n - 2n, 8],
      [12, 2n ** 64n - 1n, 8],
      [21, 2n ** 53n, 8],
    ];
    for (const [offset, value, width] of refused) {
      const block = example();
      if (width === 4) block.writeUInt32BE(Number(value), offset);
      else block.writeBigUInt64BE(value, offset);
      expectProtocolError('ERR_BAD_MESSAGE', () => readBlockHeader(block));
      expect(verifyBlock(block)).toBe(false);
    }
  });

  test('that is hostile throws nothing but a ProtocolError', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }), fc.nat(), (changes, cut) => {
        const block = example();
        for (const [at, value] of changes) block[at % block.length] = value;
        const input = cut % 4 === 0 ? block.subarray(0, cut % block.length) : block;
        onlyProtocolErrors(() => readBlockHeader(input));
        onlyProtocolErrors(() => verifyBlock(input));
        onlyProtocolErrors(() => splitBlocks(input));
        if (input.length > blockHeaderBytes) onlyProtocolErrors(() => texts(input));
        onlyProtocolErrors(() => {
          const { firstSeq: from, lastSeq: to } = readBlockHeader(input);
          sliceBlock(input, Math.min(from + 1, to));
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a slice of a block', () => {
  test('holds exactly the numbers asked for, under a crc of its own', () => {
    fc.assert(
      fc.property(firstSeq, payloads, fc.nat(), fc.nat(), (first, all, a, b) => {
        const block = sealBlock(9, first, 77, [encodePayloads(all)]);
        const [start, end] = [a % all.length, b % all.length].sort((x, y) => x - y) as [number, number];
        const slice = sliceBlock(block, first + start, first + end);
        expect(verifyBlock(slice)).toBe(true);
        expect(readBlockHeader(slice)).toMatchObject({
          log: 9,
          timeMs: 77,
          firstSeq: first + start,
          lastSeq: first + end,
        });
        const wanted = all.slice(start, end + 1).map((payload) => Buffer.from(payload));
        expect([...decodePayloads(slice, blockHeaderBytes)]).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  test('that is all of it is the block itself', () => {
    const block = example();
    expect(sliceBlock(block, 10)).toBe(block);
    expect(sliceBlock(block, 10, 13)).toBe(block);
  });

  test('leaves the block as it was', () => {
    const block = example();
    const before = Buffer.from(block);
    expect(texts(sliceBlock(block, 11, 12))).toEqual(['bb', 'ccc']);
    expect(block).toEqual(before);
  });

  test('of numbers the block does not hold is a RangeError', () => {
    for (const [from, to] of [
      [9, 11],
      [11, 14],
      [12, 11],
      [14, 14],
    ]) {
      expect(() => sliceBlock(example(), from!, to)).toThrow(RangeError);
    }
  });
});

describe('a retransmission of a block', () => {
  test('has the request in place of the log and the same payloads and crc', () => {
    const block = example();
    const retransmission = Buffer.concat([retransmissionHeader(block, 5), blockBody(block)]);
    expect(verifyBlock(retransmission)).toBe(true);
    expect(readBlockHeader(retransmission)).toEqual({
      ...readBlockHeader(block),
      type: FrameType.RETRANSMISSION,
      log: 5,
    });
    expect(readBlockHeader(block).type).toBe(FrameType.MESSAGES);
  });
});

describe('a value of the log', () => {
  const blocks = fc
    .array(payloads, { maxLength: 5 })
    .map((all) => all.map((each, index) => sealBlock(1, 1 + index * 100, 5, [encodePayloads(each)])));

  test('is cut into the blocks it was made of', () => {
    fc.assert(
      fc.property(blocks, (all) => {
        const value = Buffer.concat(all);
        expect(splitBlocks(value)).toEqual({ blocks: all, end: value.length });
      }),
    );
  });

  test('that was torn gives the whole blocks before the tear', () => {
    fc.assert(
      fc.property(blocks, fc.nat(), (all, at) => {
        const value = Buffer.concat(all);
        const torn = value.subarray(0, at % (value.length + 1));
        const whole: Buffer[] = [];
        let end = 0;
        for (const block of all) {
          if (end + block.length > torn.length) break;
          whole.push(block);
          end += block.length;
        }
        expect(splitBlocks(torn)).toEqual({ blocks: whole, end });
      }),
    );
  });

  test('with a length that cannot be is cut no further', () => {
    const block = example();
    for (const length of [0, 1, blockHeaderBytes - 4, 0xffff_ffff]) {
      const broken = Buffer.from(block);
      broken.writeUInt32BE(length);
      expect(splitBlocks(Buffer.concat([block, broken]))).toEqual({ blocks: [block], end: block.length });
    }
  });
});
