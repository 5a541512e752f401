import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../protocol/index.js';
import { framed, publishFrame } from '../support/frames.js';
import { useArena } from '../system/support/arena.js';
import type { ServerProcess } from '../system/support/server-process.js';
import { Bystanders } from './bystanders.js';
import { RawClient } from './raw-client.js';

const arena = useArena();
const hello = [Buffer.from('hello')];

const beforeLogin: [what: string, bytes: Buffer, code: string][] = [
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'ERR_NOT_LATECOMER'],
  ['length 0', Buffer.alloc(4), 'ERR_BAD_FRAME'],
  ['length 2^32-1', Buffer.alloc(4, 0xff), 'ERR_FRAME_TOO_LARGE'],
  ['an unknown type', framed(Buffer.from('926380', 'hex')), 'ERR_UNKNOWN_TYPE'],
  ['an unknown source', encodeMessage({ type: 'LOGIN', versions: [1], source: 'x' }), 'ERR_UNKNOWN_SOURCE'],
];

const afterLogin: [what: string, bytes: Buffer, code: string][] = [
  ['a second login', encodeMessage({ type: 'LOGIN', versions: [1] }), 'ERR_ALREADY_LOGGED_IN'],
  ['payloads that do not add up', framed(Buffer.from('940401a092c40161', 'hex')), 'ERR_BAD_MESSAGE'],
  ['an array of the wrong shape', framed(Buffer.from('9302a080', 'hex')), 'ERR_BAD_MESSAGE'],
  ['a frame over the limit', Buffer.from([0, 0x10, 0, 1]), 'ERR_FRAME_TOO_LARGE'],
];

/** Both kinds of bystanders at each edge: connections go to the edges in turn. */
async function startBystanders(server: ServerProcess): Promise<Bystanders[]> {
  const all = [await Bystanders.start(server.port), await Bystanders.start(server.port)];
  for (const bystanders of all) arena.defer(() => bystanders.stop());
  return all;
}

/** Nobody was harmed, and no fork had to be started anew. */
async function untouched(server: ServerProcess, all: readonly Bystanders[]): Promise<void> {
  for (const bystanders of all) await bystanders.noticeNothing();
  expect(server.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expect(server.log.filter(({ msg }) => msg?.includes('starting it anew'))).toEqual([]);
}

describe.each(['edges', 'rewinds'] as const)('with %s in processes of their own', (placement) => {
  it('what is wrong is answered with its code at every edge, and logged', async () => {
    const server = await arena.start({ placement });
    const all = await startBystanders(server);
    for (let edge = 0; edge < 2; edge += 1) {
      for (const [what, bytes, code] of beforeLogin) {
        const client = await RawClient.connect(server.port);
        client.write(bytes);
        expect([what, await client.errorThenClose()]).toEqual([what, code]);
        await server.logLine((line) => line.code === code, code);
      }
      for (const [what, bytes, code] of afterLogin) {
        const client = await RawClient.loggedIn(server.port, { publisher: `wrong-${edge}` });
        client.write(bytes);
        expect([what, await client.errorThenClose()]).toEqual([what, code]);
        await server.logLine((line) => line.code === code, code);
      }
    }
    await untouched(server, all);
  });

  it('a publisher id that logs in again takes over, wherever the older connection is', async () => {
    const server = await arena.start({ placement });
    const all = await startBystanders(server);
    let older = await RawClient.loggedIn(server.port, { publisher: 'the one' });
    for (let number = 1; number <= 10; number += 1) {
      older.publish(number, hello);
      expect((await older.take('ACKNOWLEDGED')).number).toBe(number);
      const newer = await RawClient.connect(server.port);
      expect((await newer.login({ publisher: 'the one' })).published).toBe(number);
      expect(await older.errorThenClose()).toBe('ERR_PUBLISHER_TAKEN_OVER');
      older = newer;
    }
    older.destroy();
    await untouched(server, all);
  });

  it('a publish that is refused, repeated or leaves a gap is answered as in one process', async () => {
    const server = await arena.start({ placement });
    const all = await startBystanders(server);
    const client = await RawClient.loggedIn(server.port, { publisher: 'p' });
    client.publish(1, hello, 'no such session');
    expect(await client.take('REFUSED')).toMatchObject({ number: 1, code: 'ERR_UNKNOWN_SESSION', remedy: 'never' });
    await server.logLine((line) => line.code === 'ERR_UNKNOWN_SESSION', 'the refusal');
    client.publish(1, hello);
    const { runs } = await client.take('ACKNOWLEDGED');
    client.publish(3, hello);
    expect(await client.take('REFUSED')).toMatchObject({ number: 3, code: 'ERR_PUBLISH_NUMBER' });
    client.publish(1, hello);
    expect(await client.take('ACKNOWLEDGED')).toMatchObject({ number: 1, runs });
    client.publish(2, hello);
    expect((await client.take('ACKNOWLEDGED')).number).toBe(2);
    client.send({ type: 'SUBSCRIBE', request: 1, session: 'no such session' });
    expect(await client.take('REJECTED')).toMatchObject({ request: 1, code: 'ERR_UNKNOWN_SESSION' });
    client.destroy();
    await untouched(server, all);
  });

  it('a publisher that reads nothing loses nothing, and one that leaves in the middle harms nobody', async () => {
    const server = await arena.start({ placement });
    const all = await startBystanders(server);
    const leaver = await RawClient.loggedIn(server.port, { publisher: 'leaver' });
    leaver.write(Buffer.concat(Array.from({ length: 2_000 }, (_, index) => publishFrame(index + 1, hello))));
    leaver.destroy();
    const client = await RawClient.loggedIn(server.port, { publisher: 'deaf' });
    client.socket.pause();
    const publishes = 5_000;
    for (let number = 1; number <= publishes; number += 1) client.publish(number, [Buffer.alloc(1_000)]);
    for (const bystanders of all) await bystanders.progress();
    client.socket.resume();
    let acknowledged = 0;
    while (acknowledged < publishes) {
      const { number, runs } = await client.take('ACKNOWLEDGED');
      expect(runs[0]![0]).toBe(acknowledged + 1);
      acknowledged = number;
    }
    client.destroy();
    await untouched(server, all);
  });
});
