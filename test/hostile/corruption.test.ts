import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServerConfig } from '../../actors/server-config.js';
import { binLogin, SoupClient } from '../support/soup-client.js';
import { type HostileServer, loginRaw, type RawClient, startBystanders, startHostileServer } from './support.js';

/** Messages of a publish; each publish becomes a block of its own. */
const each = 10;
const publishes = 30;
const last = each * publishes;
const damaged = 15;
const text = (seq: number): string => `message ${seq} of ${last}, to be found on disk`;

/** A log with messages 1..last, in which one byte of a message has been changed while no server ran. */
async function startOnDamagedLog(config: Partial<ServerConfig> = {}): Promise<HostileServer> {
  const writing = await startHostileServer({ durability: 'disk' });
  const publisher = await loginRaw(writing, { publisher: 'p' });
  for (let number = 1; number <= publishes; number += 1) {
    const payloads = Array.from({ length: each }, (_, index) => Buffer.from(text((number - 1) * each + index + 1)));
    publisher.publish(number, payloads);
    await publisher.take('ACKNOWLEDGED');
  }
  await writing.stop();
  const { data } = writing;
  await (await startHostileServer({ data })).stop();
  await flip(data, text((damaged - 1) * each + 5));
  return startHostileServer({ ...config, data });
}

/** Change a byte in the middle of this text, in the one table that holds it. */
async function flip(directory: string, wanted: string): Promise<void> {
  let found = 0;
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.ldb')) continue;
    const bytes = await readFile(join(directory, name));
    const at = bytes.indexOf(wanted);
    if (at === -1) continue;
    bytes[at + 10]! ^= 0x20;
    await writeFile(join(directory, name), bytes);
    found += 1;
  }
  expect(found).toBe(1);
}

/** Sequence numbers that arrived, and ranges that were announced as lost, until everything to `last` is settled. */
async function readOver(
  client: RawClient,
  frames: 'MESSAGES' | 'RETRANSMISSION',
): Promise<{ got: number[]; lost: object[] }> {
  const got: number[] = [];
  const lost: object[] = [];
  for (let next = 1; next <= last; ) {
    const frame = await client.inbox.take(({ type }) => type === frames || type === 'LOST', 'messages');
    if (frame.type === 'LOST') {
      expect(frame.from).toBe(next);
      lost.push({ from: frame.from, to: frame.to, reason: frame.reason });
      next = frame.to + 1;
    } else if (frame.type === 'MESSAGES' || frame.type === 'RETRANSMISSION') {
      expect(frame.firstSeq).toBe(next);
      frame.payloads.forEach((payload, index) => {
        if (next + index <= last) expect(String(payload)).toBe(text(next + index));
        got.push(next + index);
      });
      next = frame.lastSeq + 1;
    }
  }
  return { got: got.filter((seq) => seq <= last), lost };
}

describe('a block that is damaged on disk', () => {
  const lostRange = { from: (damaged - 1) * each + 1, to: damaged * each, reason: 'corrupt' };
  const rest = Array.from({ length: last }, (_, index) => index + 1).filter(
    (seq) => seq < lostRange.from || seq > lostRange.to,
  );

  it('is announced as LOST with its range to whoever subscribes across it; the rest is served, and live joined', async () => {
    const server = await startOnDamagedLog();
    const bystanders = await startBystanders(server);
    const client = await loginRaw(server);
    client.send({ type: 'SUBSCRIBE', request: 1, from: 1 });
    expect(await readOver(client, 'MESSAGES')).toEqual({ got: rest, lost: [lostRange] });
    expect(await server.log.saying('lost')).toMatchObject({
      from: lostRange.from,
      to: lostRange.to,
      reason: 'corrupt',
    });
    await client.take('LIVE');
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('is announced as LOST inside a retransmission, which is then complete', async () => {
    const server = await startOnDamagedLog();
    const client = await loginRaw(server);
    client.send({ type: 'REREQUEST', request: 7, from: 1, to: last });
    expect(await readOver(client, 'RETRANSMISSION')).toEqual({ got: rest, lost: [lostRange] });
    expect(await client.take('RETRANSMITTED')).toMatchObject({ request: 7, messages: rest.length });
    expect(server.log.failures).toEqual([]);
  });

  it('ends a Soup client in front of it, and is told to one that logs in with a number of it', async () => {
    const server = await startOnDamagedLog({ soupPort: 0 });
    const soupPort = server.soupPort!;
    const across = await SoupClient.loggedIn(soupPort, 'binary', binLogin(1));
    expect(await across.debug()).toBe(
      `ERR_LOST: messages ${lostRange.from} to ${lostRange.to} are lost (corrupt); log in with ${lostRange.to + 1} to go on behind them`,
    );
    await across.closed;
    expect(across.texts).toEqual(Array.from({ length: lostRange.from - 1 }, (_, index) => text(index + 1)));
    const again = await SoupClient.loggedIn(soupPort, 'binary', binLogin(across.next));
    expect(again.first).toBe(lostRange.to + 1);
    await again.reached(last);
    expect(again.texts[0]).toBe(text(lostRange.to + 1));
    again.destroy();
    expect(server.log.failures).toEqual([]);
  });

  it('concerns nobody who reads elsewhere', async () => {
    const server = await startOnDamagedLog();
    const client = await loginRaw(server);
    client.send({ type: 'REREQUEST', request: 1, from: lostRange.to + 1, to: last });
    expect(await client.take('RETRANSMITTED')).toMatchObject({ messages: last - lostRange.to });
    client.send({ type: 'REREQUEST', request: 2, from: 1, to: lostRange.from - 1 });
    expect(await client.take('RETRANSMITTED')).toMatchObject({ messages: lostRange.from - 1 });
    expect(client.inbox.items.filter(({ type }) => type === 'LOST')).toEqual([]);
  });
});
