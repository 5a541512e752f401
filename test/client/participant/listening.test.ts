import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until, within } from '../../support/deadline.js';
import { FakeConnection, memberOf, type ReceivedOf } from '../../support/fake-connection.js';
import type { FakeServer } from '../fake-server.js';
import { rejectionOf, take } from '../setup.js';
import { accept, startParticipant } from './stage.js';

async function dial(port: number): Promise<FakeConnection> {
  const socket = connect(port, '127.0.0.1');
  const connection = new FakeConnection(socket);
  await once(socket, 'connect');
  return connection;
}

/** Take a command with an address, connect there, and answer. @returns the command, and the server's end of that connection */
async function dialBack(server: FakeServer, from = 1) {
  const connection = await accept(server);
  const command: ReceivedOf<'GROUP'> = await connection.take('GROUP');
  const dialed = await dial(command.address!.port);
  dialed.send(memberOf(command, { instance: command.instance!, from }));
  connection.send(memberOf(command, { request: command.request, from }));
  await connection.closed;
  return { command, dialed };
}

async function startListener() {
  const { server, alice } = await startParticipant();
  const registered = alice.register({ listen: 0 });
  const { command, dialed } = await dialBack(server);
  await registered;
  return { server, alice, command, dialed };
}

describe('a participant that listens', () => {
  it('is connected to by the server, and its command goes over a connection that is closed behind the answer', async () => {
    const { alice, command, dialed } = await startListener();
    expect(command).toMatchObject({ action: 'register', address: { port: expect.any(Number) } });
    expect(command.address).not.toHaveProperty('host');
    const messages = alice.messages();
    dialed.messages(1, ['one', 'two']);
    expect(await take(messages, 2)).toMatchObject([{ payload: 'one' }, { payload: 'two' }]);
    expect(await dialed.take('DELIVERED')).toMatchObject({ seq: 1 });
  });

  it('listens before it sends the command', async () => {
    const { server, alice } = await startParticipant();
    const registered = alice.register({ listen: 0 });
    const connection = await accept(server);
    const command = await connection.take('GROUP');
    const dialed = await dial(command.address!.port);
    dialed.send(memberOf(command, { instance: command.instance! }));
    dialed.messages(1, ['before the answer']);
    connection.send(memberOf(command, { request: command.request }));
    await registered;
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'before the answer' }]);
  });

  it('needs no answer when the connection has come', async () => {
    const { server, alice } = await startParticipant();
    const registered = alice.register({ listen: 0 });
    const connection = await accept(server);
    const command = await connection.take('GROUP');
    const dialed = await dial(command.address!.port);
    dialed.send(memberOf(command, { instance: command.instance! }));
    dialed.messages(1, ['one']);
    await until(() => alice.position !== undefined, 'the connection to be taken');
    connection.drop();
    await within(registered, 'register');
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'one' }]);
  });

  it('takes no messages from anybody else who finds its port', async () => {
    const { alice, command, dialed } = await startListener();
    for (const instance of [undefined, 'a guess']) {
      const stranger = await dial(command.address!.port);
      stranger.send(memberOf(command, { ...(instance && { instance }) }));
      stranger.messages(1, ['forged']);
      await within(stranger.closed, 'the stranger to be closed');
    }
    dialed.messages(1, ['true']);
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'true' }]);
  });

  it.each([
    ['messages', (stranger: FakeConnection) => stranger.messages(1, ['forged'])],
    [
      'a range as lost',
      (stranger: FakeConnection) => stranger.send({ type: 'LOST', log: 1, from: 1, to: 3, reason: 'expired' }),
    ],
    ['the end', (stranger: FakeConnection) => stranger.send({ type: 'UNSUBSCRIBED', log: 1 })],
    ['that it is live', (stranger: FakeConnection) => stranger.send({ type: 'LIVE', log: 1, seq: 9 })],
  ])('takes nothing from a stranger who does not even say MEMBER, and sends %s', async (_, say) => {
    const { alice, command, dialed } = await startListener();
    const told: string[] = [];
    for (const event of ['lost', 'live', 'left'] as const) alice.on(event, () => told.push(event));
    const stranger = await dial(command.address!.port);
    say(stranger);
    await within(stranger.closed, 'the stranger to be closed');
    dialed.messages(1, ['true']);
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'true' }]);
    expect(told).toEqual([]);
  });

  it('lets only so many wait on its port who do not say who they are, and none of them for long', async () => {
    const { server, alice } = await startParticipant({ connectMs: 200 });
    const registered = alice.register({ listen: 0 });
    const { command, dialed } = await dialBack(server);
    await registered;
    const strangers = await Promise.all(Array.from({ length: 20 }, () => dial(command.address!.port)));
    await within(Promise.all(strangers.map(({ closed }) => closed)), 'the strangers to be closed');
    dialed.messages(1, ['true']);
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'true' }]);
  });

  it('is reached by the server however many strangers wait on its port', async () => {
    const { server, alice } = await startParticipant();
    const registered = alice.register({ listen: 0 });
    const connection = await accept(server);
    const command = await connection.take('GROUP');
    const strangers = await Promise.all(Array.from({ length: 40 }, () => dial(command.address!.port)));
    await within(Promise.race(strangers.map(({ closed }) => closed)), 'the first stranger to be closed');
    const dialed = await dial(command.address!.port);
    dialed.send(memberOf(command, { instance: command.instance! }));
    connection.send(memberOf(command, { request: command.request }));
    await within(registered, 'register');
    dialed.messages(1, ['true']);
    expect(await take(alice.messages(), 1)).toMatchObject([{ payload: 'true' }]);
  });

  it('lets go of those who wait on its port when it goes away', async () => {
    const { server, alice, command, dialed } = await startListener();
    const stranger = await dial(command.address!.port);
    const away = alice.disconnect();
    await (await accept(server)).member();
    dialed.socket.end();
    await away;
    await within(stranger.closed, 'the stranger to be closed');
  });

  it('keeps listening after a connection that was closed without a word', async () => {
    const { server, alice } = await startParticipant();
    const failed = rejectionOf(alice.register({ listen: 0 }));
    const connection = await accept(server);
    const command = await connection.take('GROUP');
    (await dial(command.address!.port)).drop();
    connection.send({ type: 'REJECTED', request: 1, code: 'ERR_ID_IN_USE', message: 'taken', remedy: 'never' });
    expect(await failed).toMatchObject({ code: 'ERR_ID_IN_USE' });
    const registered = alice.reconnect({ listen: command.address!.port });
    await dialBack(server);
    await registered;
  });

  it('reconnects by itself, at the same port, when the connection breaks', async () => {
    const { server, alice, command, dialed } = await startListener();
    const messages = alice.messages();
    dialed.messages(1, ['one', 'two']);
    await take(messages, 2);
    await dialed.take('DELIVERED');
    dialed.drop();
    const again = await dialBack(server, 2);
    expect(again.command).toMatchObject({ action: 'reconnect', address: command.address, delivered: 1 });
    const next = take(messages, 1);
    again.dialed.messages(2, ['two', 'three']);
    expect(await next).toMatchObject([{ payload: 'three' }]);
  });

  it('gives its port back when it disconnects, and hands out what was on its way', async () => {
    const { server, alice, command, dialed } = await startListener();
    const messages = alice.messages();
    const away = alice.disconnect();
    const connection = await accept(server);
    await connection.member();
    dialed.messages(1, ['last']);
    dialed.send({ type: 'UNSUBSCRIBED', log: 1 });
    dialed.socket.end();
    await within(away, 'disconnect');
    expect(await take(messages, 1)).toMatchObject([{ payload: 'last' }]);
    expect(await messages.next()).toMatchObject({ done: true });
    const next = createServer().listen(command.address!.port, '127.0.0.1');
    await once(next, 'listening');
    next.close();
  });

  it('comes back at another port', async () => {
    const { server, alice, command, dialed } = await startListener();
    const away = alice.disconnect();
    await (await accept(server)).member();
    dialed.socket.end();
    await away;
    const back = alice.reconnect({ listen: 0 });
    const again = await dialBack(server);
    await back;
    expect(again.command.address!.port).not.toBe(command.address!.port);
  });

  it('says that its port is in use, and sends no command', async () => {
    const { server, alice } = await startParticipant();
    const failed = rejectionOf(alice.register({ listen: server.port }));
    const connection = await accept(server);
    expect(await failed).toMatchObject({
      code: 'ERR_PORT_IN_USE',
      message: `port 127.0.0.1:${server.port} is in use on this machine: name another one`,
    });
    await connection.closed;
    expect(connection.pending).toEqual([]);
  });

  it('does not wait for ever for a server that answers and does not connect', async () => {
    const { server, alice } = await startParticipant({ connectMs: 50 });
    const failed = rejectionOf(alice.register({ listen: 0 }));
    await (await accept(server)).member();
    expect(await failed).toMatchObject({ code: 'ERR_UNREACHABLE' });
  });
});
