import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig } from '../../actors/server-config.js';
import { type RunningServer, startServer } from '../../actors/start-server.js';
import { type Client, connect } from '../../client/index.js';
import { until } from '../support/deadline.js';
import { binLogin, SoupClient } from '../support/soup-client.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { silent } from './support.js';

let remove: () => Promise<void>;
let server: RunningServer;
let client: Client;
let ended: string;

/** A server with a session that has ended, too large for the sockets on the way to one who does not read, and an active one. */
beforeEach(async () => {
  const { directory: data, remove: removed } = await temporaryDirectory();
  remove = removed;
  const generator = { ...defaultServerConfig.generator, rate: 0 };
  const ports = { port: 0, soupPort: 0, diskReserveBytes: 0 };
  server = await startServer({ ...defaultServerConfig, durability: 'os', data, ...ports, generator }, silent);
  client = await connect({ port: server.port, publisher: 'test' });
  for (let message = 0; message < 500; message += 1) await client.publish(Buffer.alloc(60_000));
  ({ session: ended } = (await client.roll({ reason: 'enough' })).ended!);
});
afterEach(async () => {
  await client.close();
  await server.stop();
  await remove();
});

describe('a session that is discarded after it has ended', () => {
  it('is marked, once, with the reason, beside the reason of its end', async () => {
    const discarded = { session: ended, state: 'ended', reason: 'enough', discarded: true, discardReason: 'nonsense' };
    expect(await client.discard({ session: ended, reason: 'nonsense' })).toMatchObject(discarded);
    expect(await client.discard({ session: 'S01', reason: 'something else' })).toMatchObject(discarded);
    const rolled = client.roll({ session: ended, reason: 'whatever', discard: true });
    expect((await rolled).ended).toMatchObject(discarded);
    expect((await client.sessions()).map((one) => one.discardReason)).toEqual(['nonsense', undefined]);
    expect(await client.verify({ session: ended })).toMatchObject({ messages: 500, session: { discarded: true } });
  });

  it('by a roll that comes too late is marked by it', async () => {
    await client.roll({ session: ended, reason: 'too late', discard: true });
    expect(await client.sessions()).toMatchObject([{ reason: 'enough', discardReason: 'too late' }, {}]);
  });

  it('tells those who are reading it at once, whichever protocol they speak, and again with its end', async () => {
    const reader = await connect({ port: server.port, publisher: false, receiveBytesMax: 100_000 });
    onTestFinished(() => reader.close());
    const subscription = reader.subscribe({ session: ended, from: 1 });
    const told: unknown[] = [];
    subscription.on('discarded', (discarded) => told.push(discarded));
    subscription.on('ended', (end) => told.push(end));
    const soup = await SoupClient.loggedIn(server.soupPort!, 'binary', binLogin(1, ended));
    onTestFinished(() => soup.destroy());
    soup.socket.pause();
    const messages = subscription[Symbol.asyncIterator]();
    expect((await messages.next()).value?.seq).toBe(1);
    await client.discard({ session: ended, reason: 'nonsense' });
    soup.socket.resume();
    expect(await soup.debug()).toBe(`session ${ended} is discarded, it is not to be used: nonsense`);
    let next = 2;
    for (let message = await messages.next(); !message.done; message = await messages.next(), next += 1) {
      expect(message.value.seq).toBe(next);
    }
    expect(next).toBe(501);
    const reason = 'nonsense';
    expect(told).toMatchObject([
      { session: ended, reason },
      { session: ended, lastSeq: 500, reason: 'enough', discarded: true, discardReason: reason },
    ]);
    await soup.reached(500);
  });

  it('tells those who come later first of all', async () => {
    await client.discard({ session: ended, reason: 'nonsense' });
    const told: string[] = [];
    const subscription = client.subscribe({ session: ended, from: 500 });
    subscription.on('discarded', ({ reason }) => told.push(reason));
    for await (const { seq } of subscription) told.push(String(seq));
    expect(told).toEqual(['nonsense', '500']);
    const soup = await SoupClient.loggedIn(server.soupPort!, 'binary', binLogin(500, ended));
    onTestFinished(() => soup.destroy());
    expect(await soup.debug()).toContain('nonsense');
    await soup.reached(500);
  });

  it('leaves those alone who read another one', async () => {
    const told: string[] = [];
    const subscription = client.subscribe({ from: 1, wait: true });
    subscription.on('discarded', ({ reason }) => told.push(reason));
    subscription.on('live', () => told.push('live'));
    void subscription[Symbol.asyncIterator]().next();
    await until(() => told.includes('live'), 'the live stream');
    await client.discard({ session: ended, reason: 'nonsense' });
    expect(told).toEqual(['live']);
  });

  it.each([
    ['the active session', 'ERR_SESSION_ACTIVE', {}],
    ['a session there is none of', 'ERR_UNKNOWN_SESSION', { session: 'none' }],
    ['a session of a source there is none of', 'ERR_UNKNOWN_SOURCE', { source: 'none' }],
  ])('is not %s', async (_, code, of) => {
    const [, active] = await client.sessions();
    const refused = client.discard({ session: active!.session, reason: 'nonsense', ...of });
    await expect(refused).rejects.toMatchObject({ code, remedy: 'never' });
  });
});
