import { once } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { FrameType } from '../../protocol/index.js';
import {
  type Bystanders,
  framed,
  type HostileServer,
  loginRaw,
  publishFrame,
  type RawClient,
  startBystanders,
  startHostileServer,
  within,
} from './support.js';

const mebibyte = 1024 * 1024;
/** Above this the server reads no more of a client. */
const outputBytesMax = 2 * mebibyte;
/** What a server may hold for a client that does not read: two frames' worth, and a page that was under way. */
const queuedBytesMax = 3 * mebibyte;

let server: HostileServer;
let bystanders: Bystanders;
let watcher: RawClient;

beforeEach(async () => {
  server = await startHostileServer();
  bystanders = await startBystanders(server);
  watcher = await loginRaw(server);
});

async function untouched(): Promise<void> {
  await bystanders.noticeNothing();
  expect(server.log.failures).toEqual([]);
}

/**
 * A request: number 1, the active session, log 99, of which its type takes what it knows. Half a kilobyte is in a field that
 * nobody knows, so that not many of them fill the buffers on the way.
 */
function padded(type: number): Buffer {
  const fields = Buffer.from('84a77265717565737401a773657373696f6ea0a36c6f6763a178c501f4', 'hex');
  return framed(Buffer.concat([Buffer.from([0x92, type]), fields, Buffer.alloc(500)]));
}

/**
 * Send a frame over and over until the server has queued so much for the client that it reads no more of it.
 * @returns how often it was sent
 */
async function flood(client: RawClient, name: string, frame: Buffer): Promise<number> {
  const each = 8;
  const chunk = Buffer.concat(Array.from({ length: each }, () => frame));
  let sent = 0;
  while ((await queuedBytes(name)) <= outputBytesMax) {
    for (let chunks = 0; chunks < 32 && client.socket.writableLength === 0; chunks += 1) {
      client.write(chunk);
      sent += each;
    }
  }
  return sent;
}

/** Bytes the server has queued for the subscriber of that name. */
async function queuedBytes(name: string): Promise<number> {
  watcher.send({ type: 'INSPECT', request: 1 });
  const { state } = await watcher.take('INSPECTION');
  const [edge] = state.edges as { subscriptions: { client: string; queuedBytes: number }[] }[];
  return edge!.subscriptions.find(({ client }) => client === name)!.queuedBytes;
}

/** A client that has logged in and subscribed, and reads no more. */
async function deaf(name: string, publisher?: string): Promise<RawClient> {
  const client = await loginRaw(server, { client: name, ...(publisher && { publisher }) });
  client.send({ type: 'SUBSCRIBE', request: 1 });
  await client.take('LIVE');
  client.socket.pause();
  return client;
}

/** Let the client read again; resolves when so many frames of a type have come. */
async function readAgain(client: RawClient, type: string, count: number): Promise<void> {
  let counted = 0;
  const all = new Promise<void>((resolve) => {
    client.onFrame = (received) => {
      if (received.type === type) counted += 1;
      if (counted === count) resolve();
    };
  });
  client.socket.resume();
  await within(all, `${count} answers`, 50_000);
}

describe('a client that asks without reading the answers', () => {
  it.each([
    ['INSPECT', 'INSPECTION', padded(FrameType.INSPECT)],
    ['SESSIONS', 'SESSION_LIST', padded(FrameType.SESSIONS)],
    ['UNSUBSCRIBE', 'UNSUBSCRIBED', padded(FrameType.UNSUBSCRIBE)],
  ])('%s is not read beyond a bound, and is answered in full once it reads', async (_, answer, frame) => {
    const client = await deaf('flooder');
    const sent = await flood(client, 'flooder', frame);
    await bystanders.progress(20);
    expect(await queuedBytes('flooder')).toBeLessThan(queuedBytesMax);
    await readAgain(client, answer, sent);
    await untouched();
  });

  it('rerequests is sent no more than a bound of each, and gets all of it once it reads', async () => {
    const bulk = await loginRaw(server, { publisher: 'bulk' });
    for (let number = 1; number <= 24; number += 1) bulk.publish(number, [Buffer.alloc(1_000_000, number)]);
    let acknowledged = await bulk.take('ACKNOWLEDGED');
    while (acknowledged.number < 24) acknowledged = await bulk.take('ACKNOWLEDGED');
    const to = acknowledged.runs[0]![2];
    const client = await deaf('flooder');
    for (let request = 1; request <= 4; request += 1) client.send({ type: 'REREQUEST', request, from: 1, to });
    await bystanders.progress(300);
    expect(await queuedBytes('flooder')).toBeLessThan(8 * mebibyte);
    await readAgain(client, 'RETRANSMITTED', 4);
    await untouched();
  });
});

describe('a publisher that does not read its acknowledgements', () => {
  it('and repeats one publish is not read beyond a bound', async () => {
    const client = await deaf('repeater', 'repeater');
    const sent = await flood(client, 'repeater', publishFrame(1, [Buffer.alloc(500)]));
    await bystanders.progress(20);
    expect(await queuedBytes('repeater')).toBeLessThan(queuedBytesMax);
    client.socket.resume();
    client.publish(2, [Buffer.from('and on')]);
    let acknowledged = await client.take('ACKNOWLEDGED');
    let answers = 1;
    while (acknowledged.number < 2) {
      acknowledged = await client.take('ACKNOWLEDGED');
      answers += 1;
    }
    expect(answers).toBeLessThanOrEqual(sent + 1);
    await untouched();
  });

  it('and publishes as fast as it can loses nothing and costs bounded memory', async () => {
    const client = await deaf('deaf publisher', 'deaf publisher');
    const publishes = 60_000;
    const payload = Buffer.alloc(1_000, 0x2e);
    for (let number = 1; number <= publishes; number += 1) {
      if (!client.publish(number, [payload])) await within(once(client.socket, 'drain'), 'room for a publish');
    }
    await bystanders.progress();
    expect(await queuedBytes('deaf publisher')).toBeLessThan(queuedBytesMax);
    client.socket.resume();
    let acknowledged = 0;
    while (acknowledged < publishes) {
      const { number, runs } = await client.take('ACKNOWLEDGED');
      expect(runs[0]![0]).toBe(acknowledged + 1);
      acknowledged = number;
    }
    await untouched();
  });
});
