import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  blockHeaderBytes,
  blockPayloadBytesMax,
  decodeClientMessage,
  decodeServerMessage,
  encodeMessage,
  encodePayloads,
  encodePublishHeader,
  errorCodes,
  FrameType,
  frameType,
  limits,
  protocolVersion,
  readBlockHeader,
  readPublish,
  sealBlock,
  verifyBlock,
} from '../../protocol/index.js';
import { type Fields, records, schema } from '../../protocol/schema.js';

const readme = readFileSync(new URL('../../protocol/README.md', import.meta.url), 'utf8');

/** The text from a heading up to the next one of any level. */
function section(heading: string): string {
  const start = readme.indexOf(`\n${heading}\n`);
  expect(start, `heading ${heading}`).toBeGreaterThan(-1);
  const body = readme.slice(start + heading.length + 2);
  const end = body.search(/^#/m);
  return end === -1 ? body : body.slice(0, end);
}

/** The cells of the table in a text, without its two header lines. */
function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

const unquoted = (cell: string | undefined) => cell?.replaceAll('`', '');

function describedFields(fields: Fields): string[][] {
  return Object.entries(fields).map(([name, field]) => [name, field.name, field.optional ? 'optional' : 'required']);
}

const headings = [...readme.matchAll(/^### (\w+) · (\d+) · (client|server|both)$/gm)];
const clientTypes = [
  'LOGIN',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PUBLISH',
  'REREQUEST',
  'SESSIONS',
  'INSPECT',
  'ARCHIVE',
  'ROLL',
  'GROUP',
  'DELIVERED',
  'MEMBERS',
  'DISCARD',
];

describe('protocol/README.md', () => {
  test('lists every frame type with its code and sender, in order of the codes', () => {
    const expected = Object.entries(FrameType)
      .sort((a, b) => a[1] - b[1])
      .map(([name, code]) => {
        const sender = name === 'HEARTBEAT' ? 'both' : clientTypes.includes(name) ? 'client' : 'server';
        return [name, String(code), sender];
      });
    expect(headings.map(([, name, code, sender]) => [name, code, sender])).toEqual(expected);
  });

  test.each(Object.entries(schema))('describes the fields of %s as they are checked', (name, fields) => {
    const heading = headings.find((match) => match[1] === name);
    const described = rows(section(heading![0])).map((row) => [unquoted(row[0]), row[1], row[2]]);
    expect(described).toEqual(describedFields(fields));
  });

  test('describes the records as they are checked', () => {
    const described = rows(section('#### session')).map((row) => [unquoted(row[0]), row[1], row[2]]);
    expect(described).toEqual(describedFields(records.session));
    const losses = rows(section('#### loss')).map((row) => [unquoted(row[0]), row[1], row[2]]);
    expect(losses).toEqual(describedFields(records.loss));
    for (const record of ['address', 'member'] as const) {
      const fields = rows(section(`#### ${record}`)).map((row) => [unquoted(row[0]), row[1], row[2]]);
      expect(fields).toEqual(describedFields(records[record]));
    }
    expect(records.subscribe).toBe(schema.SUBSCRIBE);
  });

  test('lists every error code with its remedy and a meaning', () => {
    const described = rows(section('## 9. Errors'));
    expect(described.map((row) => [unquoted(row[0]), row[1]])).toEqual(Object.entries(errorCodes));
    for (const row of described) expect(row[2], row[0]).not.toBe('');
  });

  test('lists every limit with its value', () => {
    const described = rows(section('## 10. Limits'));
    expect(described.map((row) => [unquoted(row[0]), Number(row[1])])).toEqual(Object.entries(limits));
  });

  test('names version and limits in its text as they are', () => {
    const text = readme.replaceAll(/\s+/g, ' ');
    for (const sentence of [
      `# The Latecomer wire format, version ${protocolVersion}`,
      `**${limits.frameBytesMaxBeforeLogin}** in both directions until the login is accepted, **${limits.frameBytesMax}** from then on`,
      `within **${limits.loginMs} ms** of connecting`,
      `has sent nothing for **${limits.heartbeatMs} ms**`,
      `received nothing at all for **${limits.silenceMs} ms**`,
      `nested deeper than ${limits.depthMax} `,
      `more than ${limits.controlValuesMax} values`,
      `UTF-8, at most ${limits.nameBytesMax} bytes`,
      `and up to ${limits.subscriptionsPerConnectionMax} logs`,
      `A block is at most ${limits.blockBytesMax} bytes with its header, unless it holds exactly one payload, and holds at most ${limits.blockMessagesMax} messages`,
      `a frame with up to ${limits.blockMessagesMax} payloads`,
      `at most ${blockPayloadBytesMax} bytes of payloads with their bin headers, or exactly one payload of at most ${limits.payloadBytesMax} bytes`,
      `The last ${limits.publishesInFlightMax} acknowledgements are kept`,
      `may have ${limits.publishesInFlightMax} publishes and ${limits.publishWindowBytes} bytes of their payloads unacknowledged`,
      `Up to ${limits.rerequestsPerConnectionMax} may be unanswered`,
      `at most ${limits.sessionListMax} (the newest of them)`,
      `at most ${limits.memberListMax} of them`,
    ]) {
      expect(text).toContain(sentence);
    }
  });
});

describe('the block layout of protocol/README.md', () => {
  const layout = rows(section('## 5. Blocks')).map(([offset, bytes, value, what]) => ({
    offset: Number(offset),
    bytes: Number(bytes),
    value: value!,
    what: what!,
  }));
  const block = sealBlock(0x01020304, 0x10203040506, 0x102030405060, [encodePayloads([Buffer.from('x')])]);
  const at = (what: string) => {
    const found = layout.find((row) => row.what.startsWith(what));
    expect(found, what).toBeDefined();
    const bytes = block.subarray(found!.offset, found!.offset + found!.bytes);
    return found!.bytes === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, found!.bytes);
  };

  test('leaves no byte of the header out', () => {
    let next = 0;
    for (const { offset, bytes } of layout) {
      expect(offset).toBe(next);
      next = offset + bytes;
    }
    expect(layout.at(-1)).toMatchObject({
      offset: blockHeaderBytes,
      what: 'the payloads, back to back, to the end of the frame',
    });
  });

  test('has the markers and the fields where the code puts them', () => {
    for (const { offset, value } of layout) {
      if (value.startsWith('0x')) expect(block[offset], `byte ${offset}`).toBe(Number(value));
    }
    const header = readBlockHeader(block);
    expect(at('length')).toBe(block.length - 4);
    expect(at('frame type')).toBe(FrameType.MESSAGES);
    expect(at('log')).toBe(header.log);
    expect(at('firstSeq')).toBe(header.firstSeq);
    expect(at('timeMs')).toBe(header.timeMs);
    expect(at('crc32')).toBe(header.crc);
    expect(at('number of payloads')).toBe(header.count);
    expect(readme).toContain(
      `frame type: ${FrameType.MESSAGES} \`MESSAGES\` or ${FrameType.RETRANSMISSION} \`RETRANSMISSION\``,
    );
  });

  test('names the bytes that the crc covers', () => {
    const [, from1, to1, from2] = /over bytes (\d+)\.\.(\d+) followed by bytes (\d+)\.\.end/.exec(readme)!.map(Number);
    const covered = Buffer.concat([block.subarray(from1, to1! + 1), block.subarray(from2)]);
    expect(plainCrc32(covered)).toBe(readBlockHeader(block).crc);
  });
});

describe('the worked example of protocol/README.md', () => {
  const example = (name: string) => {
    const found = new RegExp(`\`\`\`hex ${name}\\n([0-9a-f\\s]+)\`\`\``).exec(readme);
    expect(found, name).not.toBeNull();
    return Buffer.from(found![1]!.replaceAll(/\s/g, ''), 'hex');
  };
  const payloads = encodePayloads([Buffer.from('hello'), Buffer.from('world')]);
  const acknowledged = {
    type: 'ACKNOWLEDGED',
    source: 'main',
    session: '2026-11-21',
    epoch: '0123456789abcdef',
    durability: 'disk',
    number: 1,
    runs: [[1, 1, 41, 2]],
  } as const;

  test('has the login that the code writes and reads', () => {
    const message = { type: 'LOGIN', versions: [1], client: 'example', publisher: 'p1' } as const;
    expect(encodeMessage({ ...message, versions: [1] })).toEqual(example('login'));
    expect(decodeClientMessage(example('login'))).toEqual(message);
  });

  test('has the publish that the code writes and reads', () => {
    expect(Buffer.concat([encodePublishHeader(1, '', payloads), payloads.bytes])).toEqual(example('publish'));
    expect(frameType(example('publish'))).toBe(FrameType.PUBLISH);
    expect(readPublish(example('publish'))).toMatchObject({ number: 1, session: '', payloads });
  });

  test('has the acknowledgement that the code writes and reads', () => {
    expect(encodeMessage({ ...acknowledged, runs: [[1, 1, 41, 2]] })).toEqual(example('acknowledged'));
    expect(decodeServerMessage(example('acknowledged'))).toEqual(acknowledged);
  });

  test('has the block that the code seals and verifies', () => {
    const block = example('block');
    expect(sealBlock(7, 41, 1_795_000_000_000, [payloads])).toEqual(block);
    expect(verifyBlock(block)).toBe(true);
    expect(readme).toContain(`crc32 0x${readBlockHeader(block).crc.toString(16)}`);
  });
});

/** The textbook crc32 with the polynomial the page names, so that the claim does not rest on a library. */
function plainCrc32(bytes: Buffer): number {
  const polynomial = Number(/polynomial (0x[0-9a-f]+)/.exec(readme)![1]);
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
