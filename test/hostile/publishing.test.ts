import { beforeEach, describe, expect, it } from 'vitest';
import { blockPayloadBytesMax, limits } from '../../protocol/index.js';
import { Store } from '../../storage/index.js';
import { endSession } from '../storage/store-under-test.js';
import {
  type Bystanders,
  connectRaw,
  framed,
  type HostileServer,
  LogLines,
  loginRaw,
  publishFrame,
  type RawClient,
  startBystanders,
  startHostileServer,
  temporaryDirectory,
} from './support.js';

const hello = [Buffer.from('hello')];

let server: HostileServer;
let bystanders: Bystanders;

/** A server whose source has an ended session, named `yesterday`, besides the active one. */
beforeEach(async () => {
  const data = await temporaryDirectory();
  const { logger } = new LogLines();
  const store = await Store.open({ directory: data, durability: 'os', clock: Date.now, logger });
  await endSession(store, await store.createSession('main', 'yesterday'), 'over', 'today');
  await store.close();
  server = await startHostileServer({ data });
  bystanders = await startBystanders(server);
});

async function publisher(id: string): Promise<RawClient> {
  return loginRaw(server, { publisher: id });
}

async function untouched(): Promise<void> {
  await bystanders.noticeNothing();
  expect(server.log.failures).toEqual([]);
}

/** A PUBLISH whose payloads are these bytes, said to be so many. */
function publishOf(payloads: string, count: number): Buffer {
  return framed(Buffer.concat([Buffer.from([0x94, 4, 1, 0xa0, 0x90 + count]), Buffer.from(payloads, 'hex')]));
}

describe('a publish that ends the connection', () => {
  it.each([
    ['more payloads than there are', publishOf('c40161', 2), 'ERR_BAD_MESSAGE'],
    ['fewer payloads than there are', publishOf('c40161c40162', 1), 'ERR_BAD_MESSAGE'],
    ['a bin that is longer than the frame', publishOf('c4ff61', 1), 'ERR_BAD_MESSAGE'],
    ['a bin of 2^32-1 bytes', publishOf('c6ffffffff61', 1), 'ERR_BAD_MESSAGE'],
    ['a bin header that is cut off', publishOf('c500', 1), 'ERR_BAD_MESSAGE'],
    ['a payload that is text, not bin', publishOf('a161', 1), 'ERR_BAD_MESSAGE'],
    ['no payload', publishOf('', 0), 'ERR_BAD_MESSAGE'],
    ['2^32-1 payloads', framed(Buffer.from('940401a0ddffffffffc40161', 'hex')), 'ERR_BAD_MESSAGE'],
    ['number 0', framed(Buffer.from('940400a091c40161', 'hex')), 'ERR_BAD_MESSAGE'],
    ['a number beyond 2^53', framed(Buffer.from('9404cfffffffffffffffffa091c40161', 'hex')), 'ERR_BAD_MESSAGE'],
    ['a map in the place of the number', framed(Buffer.from('940480a091c40161', 'hex')), 'ERR_BAD_MESSAGE'],
    ['a session that is not UTF-8', framed(Buffer.from('940401a1ff91c40161', 'hex')), 'ERR_BAD_MESSAGE'],
    ['the body of a control message', framed(Buffer.from('920480', 'hex')), 'ERR_BAD_MESSAGE'],
    [
      'one payload too many',
      publishFrame(1, Array(limits.blockMessagesMax + 1).fill(hello[0])),
      'ERR_PUBLISH_TOO_LARGE',
    ],
    ['more bytes than a block holds', publishFrame(1, Array(3).fill(Buffer.alloc(100_000))), 'ERR_PUBLISH_TOO_LARGE'],
    ['a payload over the limit', publishFrame(1, [Buffer.alloc(limits.payloadBytesMax + 1)]), 'ERR_PUBLISH_TOO_LARGE'],
    ['a frame over the limit', publishFrame(1, [Buffer.alloc(limits.frameBytesMax)]), 'ERR_FRAME_TOO_LARGE'],
  ])('with %s gets its code, and nothing of it is written', async (_, frame, code) => {
    const client = await publisher('wrong');
    client.write(frame);
    expect(await client.errorThenClose()).toBe(code);
    expect(await server.log.withCode(code)).toMatchObject({ level: 40 });
    const again = await connectRaw(server);
    expect(await again.login({ publisher: 'wrong' })).toMatchObject({ published: 0 });
    await untouched();
  });

  it('without a publisher id is ERR_NOT_A_PUBLISHER', async () => {
    const client = await loginRaw(server);
    client.publish(1, hello);
    expect(await client.errorThenClose()).toBe('ERR_NOT_A_PUBLISHER');
    await server.log.withCode('ERR_NOT_A_PUBLISHER');
    await untouched();
  });

  it('loses nothing of what was published before it', async () => {
    const client = await publisher('right-then-wrong');
    client.write(Buffer.concat([publishFrame(1, hello), publishFrame(2, hello), publishOf('c40161', 2)]));
    expect(await client.errorThenClose()).toBe('ERR_BAD_MESSAGE');
    const again = await publisher('right-then-wrong');
    again.publish(1, hello);
    again.publish(2, hello);
    expect((await again.take('ACKNOWLEDGED')).number).toBe(1);
    expect((await again.take('ACKNOWLEDGED')).number).toBe(2);
    await untouched();
  });
});

describe('a publish that is refused', () => {
  it.each([
    ['an ended session', 'yesterday', 'ERR_SESSION_ENDED'],
    ['an unknown session', 'tomorrow', 'ERR_UNKNOWN_SESSION'],
  ])('is one to %s; the connection goes on and the number is not used', async (_, session, code) => {
    const client = await publisher('elsewhere');
    client.publish(1, hello, session);
    client.publish(2, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 1, code, remedy: 'never' });
    expect(await server.log.withCode(code)).toMatchObject({ level: 40 });
    client.publish(1, hello);
    expect((await client.take('ACKNOWLEDGED')).number).toBe(1);
    expect(client.inbox.items).toEqual([]);
    await untouched();
  });

  it('is one that leaves a gap; it takes what is behind it along, and the number due is accepted', async () => {
    const client = await publisher('gaps');
    client.publish(1, hello);
    client.publish(3, hello);
    client.publish(4, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 3, code: 'ERR_PUBLISH_NUMBER', remedy: 'never' });
    expect((await client.take('ACKNOWLEDGED')).number).toBe(1);
    await server.log.withCode('ERR_PUBLISH_NUMBER');
    for (const number of [2, 3, 4]) client.publish(number, hello);
    let acknowledged = 1;
    while (acknowledged < 4) acknowledged = (await client.take('ACKNOWLEDGED')).number;
    expect(client.inbox.items).toEqual([]);
    await untouched();
  });
});

describe('a publish behind a gap that was refused', () => {
  it('is answered again once the number due was sent, however far ahead it is', async () => {
    const client = await publisher('far ahead');
    client.publish(1, hello);
    client.publish(10, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 10 });
    client.publish(2, hello);
    client.publish(12, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 12, code: 'ERR_PUBLISH_NUMBER' });
    await untouched();
  });
});

describe('a publish that is repeated', () => {
  it('gets its first acknowledgement and is written once', async () => {
    const client = await publisher('twice');
    client.publish(1, hello);
    const { runs } = await client.take('ACKNOWLEDGED');
    for (let repeat = 0; repeat < 5; repeat += 1) {
      client.publish(1, [Buffer.from('something else')]);
      expect(await client.take('ACKNOWLEDGED')).toMatchObject({ number: 1, runs });
    }
    const [, , seq] = runs[0]!;
    client.send({ type: 'REREQUEST', request: 1, from: seq, to: seq });
    expect((await client.take('RETRANSMISSION')).payloads).toEqual(hello);
    await untouched();
  });

  it('while the first one is being written is acknowledged with it, once', async () => {
    const client = await publisher('hasty');
    client.write(Buffer.concat(Array.from({ length: 10 }, () => publishFrame(1, hello))));
    client.publish(2, hello);
    let acknowledged = await client.take('ACKNOWLEDGED');
    const { runs } = acknowledged;
    while (acknowledged.number < 2) {
      expect(acknowledged.runs).toEqual(runs);
      acknowledged = await client.take('ACKNOWLEDGED');
    }
    await untouched();
  });

  it('after its acknowledgement is no longer kept is ERR_PUBLISH_NUMBER', async () => {
    const client = await publisher('historian');
    const last = limits.publishesInFlightMax + 2;
    for (let number = 1; number <= last; number += 1) client.publish(number, hello);
    let acknowledged = 0;
    while (acknowledged < last) acknowledged = (await client.take('ACKNOWLEDGED')).number;
    client.publish(1, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 1, code: 'ERR_PUBLISH_NUMBER', remedy: 'never' });
    await server.log.withCode('ERR_PUBLISH_NUMBER');
    client.publish(last + 1, hello);
    expect((await client.take('ACKNOWLEDGED')).number).toBe(last + 1);
    await untouched();
  });
});

describe('a publish of the largest kind', () => {
  it('is one with the largest number there is; it can be repeated, and nothing comes behind it', async () => {
    const client = await publisher('last');
    const number = Number.MAX_SAFE_INTEGER;
    client.publish(number, hello);
    const { runs } = await client.take('ACKNOWLEDGED');
    client.publish(number, hello);
    expect(await client.take('ACKNOWLEDGED')).toMatchObject({ number, runs });
    const again = await connectRaw(server);
    expect(await again.login({ publisher: 'last' })).toMatchObject({ published: number });
    again.publish(number, hello);
    expect(await again.take('ACKNOWLEDGED')).toMatchObject({ number, runs });
    await untouched();
  });

  it.each([
    ['as many payloads as a block holds', Array.from({ length: limits.blockMessagesMax }, () => Buffer.alloc(1))],
    ['as many bytes as a block holds', [Buffer.alloc(200_000), Buffer.alloc(blockPayloadBytesMax - 200_000 - 10)]],
    ['the largest payload', [Buffer.alloc(limits.payloadBytesMax)]],
    ['an empty payload', [Buffer.alloc(0)]],
  ])('is accepted: %s', async (_, payloads) => {
    const client = await publisher('largest');
    client.publish(1, payloads);
    const { runs } = await client.take('ACKNOWLEDGED');
    expect(runs[0]).toEqual([1, 1, runs[0]![2], payloads.length]);
    await untouched();
  });
});
