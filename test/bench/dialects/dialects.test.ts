import { describe, expect, it } from 'vitest';
import { encodeMessage, encodePayloads, sealBlock } from '../../../protocol/index.js';
import { Random } from '../../support/random.js';
import type { DialectName, FollowListener } from './dialect.js';
import { dialects } from './index.js';

const payloads = ['first', 'again', 'third', 'fours'].map((text) => Buffer.from(text));
const payloadBytes = payloads[0]!.length;

const block = (firstSeq: number, ...part: Buffer[]) => sealBlock(1, firstSeq, 0, [encodePayloads(part)]);
const natsMessage = (payload: Buffer, reply = '') => `MSG bench 1 ${reply}${payload.length}\r\n${payload}\r\n`;
const bulk = (text: string | Buffer) => `$${text.length}\r\n${text}\r\n`;

/** What each server sends a follower: that it is subscribed, then the four payloads. */
const streams: Record<DialectName, Buffer> = {
  latecomer: Buffer.concat([
    encodeMessage({
      type: 'SUBSCRIBED',
      request: 1,
      log: 1,
      source: 'main',
      session: '2026112101',
      epoch: '0123456789abcdef',
      state: 'active',
      from: 7,
      lastSeq: 6,
    }),
    encodeMessage({ type: 'LIVE', log: 1, seq: 6 }),
    block(7, payloads[0]!),
    encodeMessage({ type: 'HEARTBEAT' }),
    block(8, ...payloads.slice(1)),
  ]),
  nats: Buffer.from(`INFO {}\r\nPONG\r\n${payloads.map((payload) => natsMessage(payload)).join('')}PING\r\n`),
  jetstream: Buffer.from(
    `INFO {}\r\nPONG\r\n${payloads.map((payload, index) => natsMessage(payload, `$JS.ACK.${98 + index} `)).join('')}`,
  ),
  redis: Buffer.from(
    `*3\r\n${bulk('subscribe')}${bulk('bench')}:1\r\n${payloads.map((payload) => `*3\r\n${bulk('message')}${bulk('bench')}${bulk(payload)}`).join('')}`,
  ),
  'redis-streams': Buffer.from(
    `*1\r\n*2\r\n${bulk('bench')}*4\r\n${payloads.map((payload, index) => `*2\r\n${bulk(`${index}-1`)}*2\r\n${bulk('p')}${bulk(payload)}`).join('')}`,
  ),
};

/** Let a follower read a stream in pieces. */
function followed(name: DialectName, pieces: Iterable<Buffer>, keepsPayloads: boolean) {
  const seen = { ready: 0, payloads: [] as string[], written: [] as string[] };
  const to: FollowListener = {
    ready: () => {
      seen.ready += 1;
    },
    ...(keepsPayloads && { payload: (payload: Buffer) => void seen.payloads.push(payload.toString()) }),
  };
  const write = (bytes: Buffer) => void seen.written.push(bytes.toString());
  const follower = dialects[name].follower({ payloadBytes, from: 1 }, to, write);
  for (const piece of pieces) follower.read(piece);
  return { follower, seen };
}

function* cut(stream: Buffer, sizes: () => number): Generator<Buffer> {
  for (let at = 0; at < stream.length; ) {
    const end = at + sizes();
    // A copy that is spoiled afterwards: a follower may keep nothing of what it read.
    const piece = Buffer.from(stream.subarray(at, end));
    yield piece;
    piece.fill('!');
    at = end;
  }
}

describe.each(Object.keys(streams) as DialectName[])('a follower that speaks %s', (name) => {
  it('sees every message and payload, however the stream is cut', () => {
    for (let size = 1; size <= streams[name].length; size += 1) {
      const { follower, seen } = followed(
        name,
        cut(streams[name], () => size),
        true,
      );
      expect(seen.payloads).toEqual(payloads.map(String));
      expect(seen.ready).toBe(1);
      expect(follower.isWhole).toBe(true);
    }
  });

  it('counts the same without looking at payloads, whatever the sizes of the pieces', () => {
    const random = new Random();
    for (let round = 0; round < 200; round += 1) {
      const { follower } = followed(
        name,
        cut(streams[name], () => random.integer(1, 40)),
        false,
      );
      expect(follower.messages).toBe(payloads.length);
      expect(follower.isWhole).toBe(true);
    }
  });

  it('is not whole while the last message has not arrived to its end', () => {
    const stream = streams[name].subarray(0, streams[name].lastIndexOf('fours') + 2);
    expect(followed(name, [stream], false).follower.isWhole).toBe(false);
  });
});

describe('the Latecomer follower', () => {
  it('does not accept a number out of turn', () => {
    const stream = Buffer.concat([streams.latecomer, block(12, payloads[0]!)]);
    expect(() => followed('latecomer', [stream], false)).toThrow('expected message 11, got 12');
  });
});

describe('the Redis Streams follower', () => {
  it('goes on behind the last entry it was given', () => {
    const { seen } = followed('redis-streams', [streams['redis-streams']], false);
    expect(seen.written.join('')).toContain('3-1');
  });
});
