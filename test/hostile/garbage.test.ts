import { describe, expect, it } from 'vitest';
import { encodeMessage, limits } from '../../protocol/index.js';
import { connectRaw, framed, type HostileServer, loginRaw, startBystanders, startHostileServer } from './support.js';

const tlsHello = Buffer.from(`16030100c8010000c40303${'5a'.repeat(193)}`, 'hex');
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Bytes that are not what a client may send first, and the code they are answered with. */
const beforeLogin: [what: string, bytes: Buffer, code: string][] = [
  ['a TLS hello', tlsHello, 'ERR_NOT_LATECOMER'],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'ERR_NOT_LATECOMER'],
  ['an HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'ERR_NOT_LATECOMER'],
  ['length prefix 0', u32(0), 'ERR_BAD_FRAME'],
  ['length prefix 2^32-1', u32(0xffff_ffff), 'ERR_FRAME_TOO_LARGE'],
  ['a frame one byte over the limit', u32(limits.frameBytesMaxBeforeLogin + 1), 'ERR_FRAME_TOO_LARGE'],
  ['text', Buffer.from('hello, is anybody there?\n'), 'ERR_FRAME_TOO_LARGE'],
  ['a body that is no array', framed(Buffer.from('81a161a162', 'hex')), 'ERR_BAD_MESSAGE'],
  ['a frame of one byte', framed(Buffer.from('c1', 'hex')), 'ERR_BAD_MESSAGE'],
  ['an unknown type', framed(Buffer.from('926380', 'hex')), 'ERR_UNKNOWN_TYPE'],
  ['a frame that only a server sends', encodeMessage({ type: 'LIVE', log: 1, seq: 1 } as never), 'ERR_UNKNOWN_TYPE'],
  ['a heartbeat instead of a login', encodeMessage({ type: 'HEARTBEAT' }), 'ERR_LOGIN_REQUIRED'],
  ['a publish instead of a login', framed(Buffer.from('9404010091c40161', 'hex')), 'ERR_LOGIN_REQUIRED'],
  ['a login without versions', framed(Buffer.from('920180', 'hex')), 'ERR_BAD_MESSAGE'],
  ['a login of an unknown version', encodeMessage({ type: 'LOGIN', versions: [2, 99] }), 'ERR_VERSION'],
  ['a login to an unknown source', encodeMessage({ type: 'LOGIN', versions: [1], source: 'x' }), 'ERR_UNKNOWN_SOURCE'],
  [
    'a login whose name is too long',
    encodeMessage({ type: 'LOGIN', versions: [1], client: 'n'.repeat(65) }),
    'ERR_BAD_MESSAGE',
  ],
  [
    'nesting without an end',
    framed(Buffer.concat([Buffer.from([0x92, 1]), Buffer.alloc(8000, 0x91)])),
    'ERR_BAD_MESSAGE',
  ],
  ['an extension type', framed(Buffer.from('9201d6ff00000000', 'hex')), 'ERR_BAD_MESSAGE'],
  ['a header that promises 2^32-1 elements', framed(Buffer.from('9201ddffffffff', 'hex')), 'ERR_BAD_MESSAGE'],
];

describe('what is not a login', () => {
  it('is answered with its code, logged, and closes that connection only', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    for (const [what, bytes, code] of beforeLogin) {
      const client = await connectRaw(server);
      client.write(bytes);
      expect([what, await client.errorThenClose()]).toEqual([what, code]);
      expect(await server.log.withCode(code)).toMatchObject({ level: 40, msg: expect.any(String) });
    }
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('gets its ERROR even when the client goes on sending', async () => {
    const server = await startHostileServer();
    const client = await connectRaw(server);
    client.write(Buffer.alloc(4 * 1024 * 1024, 0x47));
    expect(await client.errorThenClose()).toBe('ERR_FRAME_TOO_LARGE');
    expect(server.log.failures).toEqual([]);
  });
});

/** A small generator of numbers with a seed, so that a failure can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

const seed = Number(process.env.SEED ?? 7);

describe(`random bytes (SEED=${seed})`, () => {
  const codes = /^ERR_(NOT_LATECOMER|BAD_FRAME|FRAME_TOO_LARGE|BAD_MESSAGE|UNKNOWN_TYPE|LOGIN_REQUIRED)$/;

  it('before the login end in a coded error', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const random = randomFrom(seed);
    for (let round = 0; round < 100; round += 1) {
      const client = await connectRaw(server);
      client.write(framed(randomBytes(random, 1 + (random() % 200))));
      client.write(u32(0));
      expect(await client.errorThenClose()).toMatch(codes);
    }
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('after the login, in frames of every type, end in a coded error', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const random = randomFrom(seed);
    for (let round = 0; round < 150; round += 1) {
      const client = await loginRaw(server, { publisher: `fuzz-${round}` });
      const type = random() % 48;
      const body = randomBytes(random, random() % 120);
      client.write(framed(Buffer.concat([Buffer.from([type === 4 ? 0x94 : 0x92, type]), body])));
      client.write(u32(0));
      expect(await client.errorThenClose()).toMatch(codes);
    }
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('in the place of single bytes of right frames harm nobody', async () => {
    const server = await startHostileServer();
    const bystanders = await startBystanders(server);
    const random = randomFrom(seed);
    for (let round = 0; round < 150; round += 1) await sendMutant(server, random, round);
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });
});

/** A right frame with one to three bytes changed; it is taken, or refused with a code, and the end is always an ERROR. */
async function sendMutant(server: HostileServer, random: () => number, round: number): Promise<void> {
  const client = await loginRaw(server, { publisher: `mutant-${round}` });
  const frames = [
    framed(Buffer.from('940401a092c40161c40162', 'hex')),
    encodeMessage({ type: 'SUBSCRIBE', request: 1, from: 1 }),
    encodeMessage({ type: 'REREQUEST', request: 2, from: 1, to: 1 }),
    encodeMessage({ type: 'UNSUBSCRIBE', log: 1 }),
    encodeMessage({ type: 'SESSIONS', request: 3 }),
  ];
  const frame = frames[random() % frames.length]!;
  const changes = 1 + (random() % 3);
  for (let change = 0; change < changes; change += 1)
    frame[4 + ((random() >>> 8) % (frame.length - 4))] = random() >>> 16;
  client.write(frame);
  client.write(u32(0));
  expect(await client.errorThenClose()).toMatch(/^ERR_(BAD_FRAME|BAD_MESSAGE|UNKNOWN_TYPE|ALREADY_LOGGED_IN)$/);
}

function randomBytes(random: () => number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => random() >>> 16));
}
