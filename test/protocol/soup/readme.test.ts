import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodePayloads, errorCodes, sealBlock } from '../../../protocol/index.js';
import {
  clientPacket,
  readFirstBytes,
  serverPacket,
  soupBin,
  soupErrorCodes,
  soupLimits,
  soupTcp,
} from '../../../protocol/soup/index.js';

const readme = readFileSync(new URL('../../../protocol/soup/README.md', import.meta.url), 'utf8');

function section(number: number): string {
  const start = readme.indexOf(`\n## ${number}. `);
  const end = readme.indexOf(`\n## ${number + 1}. `);
  expect(start).toBeGreaterThan(-1);
  return readme.slice(start, end === -1 ? undefined : end);
}

/** The cells of the first table of a text, without quotes. */
function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

describe('protocol/soup/README.md', () => {
  it('lists the packets of both sides', () => {
    const listed = (from: string) =>
      rows(section(1))
        .filter(([, sender]) => sender === from || sender === 'both')
        .map(([type]) => type)
        .sort();
    expect(listed('client')).toEqual(Object.values(clientPacket).sort());
    expect(listed('server')).toEqual(Object.values(serverPacket).sort());
  });

  it('lists the limits as they are', () => {
    expect(rows(section(8)).map(([name, value]) => [name, Number(value)])).toEqual(Object.entries(soupLimits));
  });

  it('lists codes that there are, and all that only these protocols have', () => {
    const codes = rows(section(4)).map(([code]) => code!);
    for (const code of codes) expect([...soupErrorCodes, ...Object.keys(errorCodes)]).toContain(code);
    expect(codes).toEqual(expect.arrayContaining([...soupErrorCodes]));
  });

  it('names limits in its text as they are', () => {
    const { debugBytesMax, heartbeatMs, lineBytesMax, loginMs, packetBytesMax, shortLoginWaitMs, silenceMs } =
      soupLimits;
    expect(section(1)).toContain(`at most ${packetBytesMax - 1} of them`);
    expect(section(1)).toContain(`lines of up to ${lineBytesMax} bytes`);
    expect(section(2)).toContain(`no login within ${loginMs} ms`);
    expect(section(3)).toContain(`nothing for ${heartbeatMs} ms sends a heartbeat`);
    expect(section(3)).toContain(`nothing at all for ${silenceMs} ms is closed`);
    expect(section(4)).toContain(`at most ${debugBytesMax} bytes`);
    expect(section(5)).toContain(`the server waits for ${shortLoginWaitMs} ms`);
  });

  const block = sealBlock(1, 1, 1_000, [encodePayloads([Buffer.from('hello'), Buffer.from('world')])]);
  const examples = (side: string, text: string) =>
    [...text.matchAll(new RegExp(`^ {4}${side} {2}(.*)$`, 'gm'))].map(([, example]) => example!);

  it('has an example of SoupBinTCP that is what is sent', () => {
    const [binary] = section(9).split('The same with');
    const [client, server] = ['client', 'server'].map((side) =>
      examples(side, binary!).map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    );
    expect(readFirstBytes(client![0]!)).toMatchObject({
      state: 'login',
      login: { user: 'alice', password: 'secret', session: '', sequence: 1 },
    });
    const packets = [soupBin.accepted('2026112101', 1), soupBin.frame(block).bytes, soupBin.heartbeat];
    expect(Buffer.concat(server!)).toEqual(Buffer.concat(packets));
    const reader = soupBin.reader();
    reader.push(Buffer.concat(client!.slice(1)));
    expect([reader.take()?.type, reader.take()?.type, reader.take()]).toEqual(['R', 'O', undefined]);
  });

  it('has an example of the short login that is what is sent', () => {
    const [, short] = section(9).split('The same with');
    const [login] = examples('client', short!);
    expect(readFirstBytes(Buffer.from(login!), true)).toMatchObject({
      state: 'login',
      login: { session: 'S01', sequence: 1 },
    });
    const lines = examples('server', short!).map((line) => line.replaceAll('·', ' ').replaceAll('⏎', '\n'));
    const packets = [soupTcp.accepted('2026112101', 1), soupTcp.frame(block).bytes, soupTcp.heartbeat];
    expect(lines.join('')).toBe(Buffer.concat(packets).toString());
  });
});
