import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePayloads, limits, sealBlock } from '../../../protocol/index.js';
import { type Dialect, type Packet, type SoupError, soupBin, soupTcp } from '../../../protocol/soup/index.js';
import { binPacket } from '../../support/soup-client.js';

const latin = (text: string) => Buffer.from(text, 'latin1');
const blockOf = (...payloads: Buffer[]) => sealBlock(3, 7, 1_000, [encodePayloads(payloads)]);

function packetsOf(dialect: Dialect, ...chunks: Buffer[]): [string, string][] {
  const reader = dialect.reader();
  const packets: Packet[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let packet = reader.take(); packet; packet = reader.take()) packets.push(packet);
  }
  return packets.map(({ type, payload }) => [type, payload.toString('latin1')]);
}

describe('the packets of a SoupBinTCP 3.00 server', () => {
  it('are, byte by byte, those of the document', () => {
    expect(soupBin.accepted('2026112101', 42)).toEqual(latin('\x00\x1fA2026112101                  42'));
    expect(soupBin.accepted('S1', 1)).toEqual(latin('\x00\x1fA        S1                   1'));
    expect(soupBin.rejected('A')).toEqual(latin('\x00\x02JA'));
    expect(soupBin.rejected('S')).toEqual(latin('\x00\x02JS'));
    expect(soupBin.heartbeat).toEqual(latin('\x00\x01H'));
    expect(soupBin.endOfSession).toEqual(latin('\x00\x01Z'));
    expect(soupBin.debug('why')).toEqual(latin('\x00\x04+why'));
  });

  it('carry the messages of a block, each in one', () => {
    const { bytes, obstacle } = soupBin.frame(blockOf(latin('one'), latin(''), latin('a\nb')));
    expect(bytes).toEqual(latin('\x00\x04Sone\x00\x01S\x00\x04Sa\nb'));
    expect(obstacle).toBeUndefined();
  });

  it.each([0, 1, 0xff, 0x100, 0xfffe])('carry a message of %i bytes', (length) => {
    expect(soupBin.frame(blockOf(Buffer.alloc(length, 'x'))).bytes).toEqual(binPacket('S', Buffer.alloc(length, 'x')));
  });

  it('end in front of a message that does not fit one: the largest packet has a length of 65535', () => {
    const reason = 'its 65535 bytes exceed the 65534 that fit a packet';
    const framed = soupBin.frame(blockOf(latin('one'), Buffer.alloc(0xffff), latin('two')));
    expect(framed).toEqual({ bytes: latin('\x00\x04Sone'), obstacle: { seq: 8, reason } });
    expect(soupBin.frame(blockOf(Buffer.alloc(limits.payloadBytesMax)))).toMatchObject({ bytes: latin('') });
  });

  it('carry blocks that lie back to back, and name the message in the way by its own number', () => {
    const blocks = [blockOf(latin('7')), blockOf(latin('8'), latin('9'))];
    expect(soupBin.frame(Buffer.concat(blocks)).bytes).toEqual(latin('\x00\x02S7\x00\x02S8\x00\x02S9'));
    const next = sealBlock(3, 10, 1_000, [encodePayloads([latin('10'), Buffer.alloc(0xffff)])]);
    expect(soupBin.frame(Buffer.concat([...blocks, next])).obstacle?.seq).toBe(11);
  });

  it('carry a message whose msgpack header is longer than it need be', () => {
    const bytes = Buffer.concat([latin('\xc6\x00\x00\x00\x02hi'), latin('\xc5\x00\x02ho')]);
    const block = sealBlock(3, 7, 1_000, [{ bytes, count: 2 }]);
    expect(soupBin.frame(block).bytes).toEqual(latin('\x00\x03Shi\x00\x03Sho'));
  });
});

describe('the packets of a SoupTCP 2.00 server', () => {
  it('are, byte by byte, those of the document: lines, and an empty message for the end of the session', () => {
    expect(soupTcp.accepted('2026112101', 42)).toEqual(latin('A2026112101        42\n'));
    expect(soupTcp.rejected('A')).toEqual(latin('JA\n'));
    expect(soupTcp.heartbeat).toEqual(latin('H\n'));
    expect(soupTcp.endOfSession).toEqual(latin('S\n'));
    expect(soupTcp.debug('why')).toEqual(latin('+why\n'));
  });

  it('carry the messages of a block, each in one', () => {
    const { bytes, obstacle } = soupTcp.frame(blockOf(latin('one'), latin('\0\xff')));
    expect(bytes).toEqual(latin('Sone\nS\0\xff\n'));
    expect(obstacle).toBeUndefined();
  });

  it.each([
    ['with a line feed in it', latin('a\nb'), 'its byte 1 is a line feed, which would end the packet'],
    ['without a byte', latin(''), 'it is empty, which here means the end of the session'],
  ])('end in front of a message %s', (_, payload, reason) => {
    const framed = soupTcp.frame(blockOf(latin('one'), payload, latin('two')));
    expect(framed).toEqual({ bytes: latin('Sone\n'), obstacle: { seq: 8, reason } });
  });

  it('have a number of at most ten digits', () => {
    expect(soupTcp.sequenceMax).toBe(9_999_999_999);
    expect(soupTcp.accepted('2026112101', soupTcp.sequenceMax)).toHaveLength(22);
  });
});

/** A bin value with a header of 2, 3 or 5 bytes, or the next longer one that its payload needs. */
function binValue(headerBytes: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (headerBytes === 2 && length <= 0xff) return Buffer.concat([Buffer.from([0xc4, length]), payload]);
  if (headerBytes <= 3) return Buffer.concat([Buffer.from([0xc5, length >> 8, length & 0xff]), payload]);
  return Buffer.concat([Buffer.from([0xc6, 0, 0, length >> 8, length & 0xff]), payload]);
}

describe('packets of any messages, in any blocks', () => {
  const payload = fc.oneof(
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 700 }).map((length) => 'x'.repeat(length)),
  );
  const message = fc.tuple(fc.constantFrom(2, 3, 5), payload);
  const blocksOfMessages = fc.array(fc.array(message, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 });

  it.each([
    [soupBin, (text: string) => binPacket('S', text)],
    [soupTcp, (text: string) => latin(`S${text}\n`)],
  ] as const)('hold each of them once, in order: $name', (dialect, packetOf) => {
    fc.assert(
      fc.property(blocksOfMessages, (messages) => {
        let firstSeq = 1;
        const blocks = messages.map((block) => {
          const bytes = Buffer.concat(block.map(([headerBytes, text]) => binValue(headerBytes, latin(text))));
          const sealed = sealBlock(3, firstSeq, 1_000, [{ bytes, count: block.length }]);
          firstSeq += block.length;
          return sealed;
        });
        const before = Buffer.concat(blocks);
        const input = Buffer.from(before);
        const packets = messages.flat().map(([, text]) => packetOf(text));
        expect(dialect.frame(input).bytes.equals(Buffer.concat(packets))).toBe(true);
        expect(input.equals(before)).toBe(true);
      }),
    );
  });
});

describe('a debug packet', () => {
  it.each([soupBin, soupTcp])('holds printable ASCII only, and not too much of it: $name', (dialect) => {
    const line = dialect.debug('naïve\n\0€').toString('latin1');
    expect(line).toContain('+na?ve???');
    expect(dialect.debug('x'.repeat(100_000)).length).toBeLessThan(600);
  });
});

describe('what a client sends after its login', () => {
  const bin = Buffer.concat([binPacket('R'), binPacket('U', 'hello'), binPacket('+', ''), binPacket('O')]);
  const lines = latin('R\nUhello\n+\nO\n');
  const packets = [
    ['R', ''],
    ['U', 'hello'],
    ['+', ''],
    ['O', ''],
  ];

  it.each([
    [soupBin, bin],
    [soupTcp, lines],
  ] as const)('is cut into packets, however it arrives: $name', (dialect, bytes) => {
    expect(packetsOf(dialect, bytes)).toEqual(packets);
    expect(packetsOf(dialect, ...[...bytes].map((byte) => Buffer.of(byte)))).toEqual(packets);
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 5 });
    fc.assert(
      fc.property(cuts, (at) => {
        const places = [0, ...at.sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => Buffer.from(bytes.subarray(places[index], end)));
        expect(packetsOf(dialect, ...chunks)).toEqual(packets);
      }),
    );
  });

  it('is not touched any more once it was taken, whatever arrives later', () => {
    const reader = soupBin.reader();
    const [first, second] = [binPacket('U', 'first'), binPacket('U', 'second')];
    for (const byte of first) reader.push(Buffer.of(byte));
    const taken = reader.take()!;
    for (const byte of second) reader.push(Buffer.of(byte));
    expect(taken.payload.toString()).toBe('first');
    expect(reader.take()!.payload.toString()).toBe('second');
  });

  it('may be as large as its length can say', () => {
    const payload = Buffer.alloc(65_534, 'x');
    expect(packetsOf(soupBin, binPacket('U', payload))).toEqual([['U', payload.toString()]]);
  });

  it('is refused when its length is 0, or its line has no end', () => {
    const code = (dialect: Dialect, bytes: Buffer) => {
      try {
        packetsOf(dialect, bytes);
      } catch (error) {
        return (error as SoupError).code;
      }
    };
    expect(code(soupBin, latin('\x00\x00U'))).toBe('ERR_BAD_FRAME');
    expect(code(soupTcp, Buffer.alloc(65_536, 'U'))).toBe('ERR_FRAME_TOO_LARGE');
    expect(code(soupTcp, Buffer.alloc(65_535, 'U'))).toBeUndefined();
  });

  it('may have empty lines between its packets, which people and short logins leave behind', () => {
    expect(packetsOf(soupTcp, latin('\nR\n\r\n\nO\n'))).toEqual([
      ['R', ''],
      ['O', ''],
    ]);
  });
});
