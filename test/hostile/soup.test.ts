import { createConnection } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeMessage } from '../../protocol/index.js';
import { Random } from '../support/random.js';
import { binLogin, binPacket, lineLogin, SoupClient } from '../support/soup-client.js';
import { connectRaw, eventually, loginRaw, startBystanders, startHostileServer, within } from './support.js';

/** What the server says to these bytes until it closes, or has nothing more to say to one who goes away. */
async function answerTo(port: number, bytes: Uint8Array): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  onTestFinished(() => {
    socket.destroy();
  });
  let heard = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.end(bytes);
  await within(closed, 'the end of a connection');
  return heard;
}

/** As {@link SoupClient}, but the test says when it reads. */
async function stalled(port: number, login: Buffer): Promise<SoupClient> {
  const client = await SoupClient.loggedIn(port, 'binary', login);
  onTestFinished(() => client.destroy());
  client.socket.pause();
  return client;
}

describe('on the Soup port', () => {
  it('random bytes, with and without the start of a login, disturb nobody', async () => {
    const server = await startHostileServer({ soupPort: 0 });
    const bystanders = await startBystanders(server);
    const random = new Random(Number(process.env.SEED ?? 5));
    const starts = [Buffer.alloc(0), binLogin(1), binLogin(1).subarray(0, 20), lineLogin(1), Buffer.from('LS010001')];
    for (let round = 0; round < 60; round += 1) {
      const bytes = Buffer.from(Array.from({ length: random.integer(0, 200) }, () => random.integer(0, 255)));
      await answerTo(server.soupPort!, Buffer.concat([starts[round % starts.length]!, bytes]));
    }
    await bystanders.noticeNothing();
    expect(server.log.failures).toEqual([]);
  });

  it('a client of the native protocol is told that it is on the wrong one', async () => {
    const server = await startHostileServer({ soupPort: 0 });
    const heard = await answerTo(server.soupPort!, encodeMessage({ type: 'LOGIN', versions: [1] }));
    expect(heard).toContain('+ERR_BAD_FRAME: packet length is 0; the native protocol');
  });

  it('a client that stops reading costs a bounded queue, and is served from the log when it reads again', async () => {
    const server = await startHostileServer({ soupPort: 0, ringBytesMax: 1024 * 1024 });
    const client = await stalled(server.soupPort!, binLogin(1));
    const publisher = await loginRaw(server, { publisher: 'p' });
    const count = 400;
    for (let number = 1; number <= count; number += 1) {
      publisher.publish(number, [Buffer.alloc(60_000, `${number};`)]);
      await publisher.take('ACKNOWLEDGED');
    }
    const inspector = await connectRaw(server);
    await inspector.login();
    inspector.send({ type: 'INSPECT', request: 1 });
    const { state } = await inspector.take('INSPECTION');
    const { soup } = state as { soup: { framedBytes: number; subscriptions: { next: number; queuedBytes: number }[] } };
    expect(soup.subscriptions).toHaveLength(1);
    expect(soup.subscriptions[0]!.next).toBeLessThan(count);
    expect(soup.subscriptions[0]!.queuedBytes).toBeLessThan(1024 * 1024);
    expect(soup.framedBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    client.socket.resume();
    await client.reached(count);
    expect(client.texts.map((text) => Number(text.split(';', 1)[0]))).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });

  it('a flood of refused packets fills neither the log nor the memory', async () => {
    const server = await startHostileServer({ soupPort: 0 });
    const client = await SoupClient.loggedIn(server.soupPort!, 'binary', binLogin(1));
    onTestFinished(() => client.destroy());
    const packets = 5_000;
    client.socket.write(Buffer.concat(Array.from({ length: packets }, () => binPacket('U', 'x'))));
    await eventually(() => client.packets.items.length === packets || undefined, 'all refusals');
    expect(server.log.all.filter(({ code }) => code === 'ERR_NOT_A_PUBLISHER')).toHaveLength(20);
  });

  it('a crowd that never logs in does not keep out those who do', async () => {
    const server = await startHostileServer({ soupPort: 0, connectionsMax: 20, loginsMax: 5 });
    const crowd = Array.from({ length: 60 }, () => new SoupClient(server.soupPort!, 'lines'));
    onTestFinished(() => {
      for (const client of crowd) client.destroy();
    });
    for (let count = 0; count < 5; count += 1) {
      const client = await SoupClient.loggedIn(server.soupPort!, 'lines', lineLogin(1));
      onTestFinished(() => client.destroy());
    }
    expect(server.log.failures).toEqual([]);
  });
});
