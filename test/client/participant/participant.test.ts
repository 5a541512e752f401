import { describe, expect, it } from 'vitest';
import { LatecomerError } from '../../../client/index.js';
import { until, within } from '../../support/deadline.js';
import { rejectionOf, take, thrownBy } from '../setup.js';
import { accept, startMember, startParticipant } from './stage.js';

const payloadsOf = (messages: { payload: string }[]): string[] => messages.map(({ payload }) => payload);

describe('a participant', () => {
  it('registers with what it wants and is given its messages', async () => {
    const { server, alice } = await startParticipant({ tdMs: 500, single: true });
    const registered = alice.register();
    const connection = await accept(server);
    const command = await connection.member({ from: 8, lastSeq: 7, tdMs: 500 });
    expect(command).toEqual({
      type: 'GROUP',
      request: 1,
      action: 'register',
      group: 'team',
      participant: 'alice',
      tdMs: 500,
      single: true,
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await registered).toEqual({ state: 'online', epoch: 'e1', from: 8, lastSeq: 7, tdMs: 500 });
    connection.messages(8, ['eight', 'nine']);
    expect(await take(alice.messages(), 2)).toMatchObject([
      { session: 'S1', seq: 8, payload: 'eight' },
      { session: 'S1', seq: 9, payload: 'nine' },
    ]);
  });

  it('logs in without a publisher for its commands and messages', async () => {
    const { server, alice } = await startParticipant();
    const registered = alice.register();
    const connection = await server.accept();
    const login = await connection.login();
    expect(login).not.toHaveProperty('publisher');
    await connection.member();
    await registered;
  });

  it('acknowledges a message when the next one is asked for', async () => {
    const { alice, connection } = await startMember();
    const messages = alice.messages();
    connection.messages(1, ['one', 'two', 'three']);
    await take(messages, 1);
    expect(alice.position).toEqual({ epoch: 'e1', seq: 0 });
    await take(messages, 1);
    expect(await connection.take('DELIVERED')).toEqual({ type: 'DELIVERED', log: 1, seq: 1 });
    expect(alice.position).toEqual({ epoch: 'e1', seq: 1 });
  });

  it('acknowledges a block as a whole', async () => {
    const { alice, connection } = await startMember();
    const blocks = alice.blocks();
    connection.messages(1, ['one', 'two', 'three']);
    const { value } = await within(blocks.next(), 'a block');
    expect(payloadsOf([...value!])).toEqual(['one', 'two', 'three']);
    void blocks.next();
    expect(await connection.take('DELIVERED')).toMatchObject({ seq: 3 });
  });

  it('tells in order of what it has missed for good, which counts as taken', async () => {
    const { server, alice } = await startParticipant();
    const back = alice.reconnect({ position: { epoch: 'e1', seq: 4 } });
    const connection = await accept(server);
    const told: unknown[] = [];
    alice.on('lost', (range) => told.push(range));
    alice.on('live', (live) => told.push(live));
    expect(await connection.member({ lastSeq: 10 })).toMatchObject({ action: 'reconnect', delivered: 4, epoch: 'e1' });
    await back;
    connection.send({ type: 'LOST', log: 1, from: 5, to: 9, reason: 'expired' });
    connection.messages(10, ['ten']);
    connection.send({ type: 'LIVE', log: 1, seq: 10 });
    const messages = alice.messages();
    expect(await take(messages, 1)).toMatchObject([{ seq: 10 }]);
    expect(told[0]).toEqual({ from: 5, to: 9, reason: 'expired' });
    expect(alice.position).toEqual({ epoch: 'e1', seq: 9 });
    const next = take(messages, 1);
    connection.messages(11, ['eleven']);
    expect(await next).toMatchObject([{ seq: 11 }]);
    expect(told[1]).toEqual({ seq: 10 });
  });

  it('does not acknowledge a message that is at work on because others behind it are lost', async () => {
    const { alice, connection } = await startMember();
    const messages = alice.messages();
    connection.messages(1, ['one']);
    await take(messages, 1);
    const lost = new Promise((resolve) => alice.on('lost', resolve));
    connection.send({ type: 'LOST', log: 1, from: 2, to: 4, reason: 'corrupt' });
    await within(lost, 'lost');
    expect(alice.position).toEqual({ epoch: 'e1', seq: 0 });
    void messages.next();
    expect(await connection.take('DELIVERED')).toMatchObject({ seq: 4 });
  });

  it('goes on where the server says when the numbering is another one', async () => {
    const { server, alice } = await startParticipant();
    const back = alice.reconnect({ position: { epoch: 'e0', seq: 400 } });
    const connection = await accept(server);
    await connection.member({ from: 3 });
    await back;
    connection.messages(3, ['three']);
    expect(await take(alice.messages(), 1)).toMatchObject([{ seq: 3 }]);
    expect(alice.position).toEqual({ epoch: 'e1', seq: 2 });
  });

  it('leaves the group when the server skips a number', async () => {
    const { alice, connection } = await startMember();
    const left = new Promise((resolve) => alice.on('left', resolve));
    const messages = alice.messages();
    connection.messages(1, ['one']);
    connection.messages(3, ['three']);
    expect(await within(left, 'left')).toMatchObject({ code: 'ERR_GAP', facts: { expected: 2, found: 3 } });
    await take(messages, 1);
    expect(await thrownBy(messages)).toMatchObject({ code: 'ERR_GAP' });
  });

  it('stops reading while its consumer is slow, and reads on when it has caught up', async () => {
    const { alice, connection } = await startMember({ receiveBytesMax: 1_000 });
    const texts = (from: number): string[] => Array.from({ length: 50 }, (_, index) => `${from + index}`.padEnd(200));
    let sent = 0;
    while (connection.socket.writableLength < 1_000_000) {
      connection.messages(sent + 1, texts(sent + 1));
      sent += 50;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const received = await take(alice.messages(), sent);
    expect(received.map(({ seq }) => seq)).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  it('refuses to be asked for its messages, or to send, before it has joined', async () => {
    const { server, alice } = await startParticipant();
    expect(() => alice.messages()).toThrow(LatecomerError);
    expect(await rejectionOf(alice.msend('hello'))).toMatchObject({
      code: 'ERR_NOT_CONNECTED',
      message: 'participant alice is not connected: register or reconnect first',
    });
    expect(server.count).toBe(0);
  });

  it.each([
    ['register', 'ERR_ID_IN_USE'],
    ['reconnect', 'ERR_ALREADY_CONNECTED'],
  ] as const)('refuses to %s twice without asking the server', async (action, code) => {
    const { server, alice } = await startMember();
    expect(await rejectionOf(alice[action]())).toMatchObject({ code });
    expect(server.count).toBe(1);
  });

  it.each([
    ['register', 'ERR_ID_IN_USE'],
    ['reconnect', 'ERR_ALREADY_CONNECTED'],
    ['disconnect', 'ERR_NOT_REGISTERED'],
    ['deregister', 'ERR_NOT_REGISTERED'],
  ] as const)(
    'reports what the server rejects %s with, closes the connection and can try again',
    async (action, code) => {
      const { server, alice } = await startParticipant();
      const first = rejectionOf(alice[action]());
      const connection = await accept(server);
      const { request } = await connection.take('GROUP');
      connection.send({ type: 'REJECTED', request, code, message: 'no', remedy: 'never' });
      expect(await first).toMatchObject({ code, message: 'no' });
      await connection.closed;
      const second = alice[action]();
      await (await accept(server)).member();
      await second;
    },
  );

  it('has a new instance for each command of its user', async () => {
    const { server, alice, connection, instance } = await startMember();
    const away = alice.disconnect();
    expect((await connection.member()).instance).toBe(instance);
    await away;
    const back = alice.reconnect();
    expect((await (await accept(server)).member()).instance).not.toBe(instance);
    await back;
  });

  it('says that no server is there, once', async () => {
    const { server, alice } = await startParticipant();
    await server.stop();
    for (const action of ['register', 'reconnect', 'disconnect', 'deregister'] as const) {
      expect(await rejectionOf(alice[action]())).toMatchObject({ code: 'ERR_CONNECT' });
    }
  });

  it('gives a command up when its signal is aborted', async () => {
    const { server, alice } = await startParticipant();
    const abort = new AbortController();
    const registering = rejectionOf(alice.register({ signal: abort.signal }));
    const connection = await accept(server);
    await connection.take('GROUP');
    abort.abort();
    expect(await registering).toMatchObject({ code: 'ERR_ABORTED' });
    await connection.closed;
  });
});

describe('a participant that goes away', () => {
  it('acknowledges what it has done with, hands out what has come, and is done', async () => {
    const { alice, connection } = await startMember();
    const messages = alice.messages();
    connection.messages(1, ['one', 'two']);
    await take(messages, 1);
    const next = take(messages, 1);
    const away = alice.disconnect();
    expect(await connection.take('DELIVERED')).toMatchObject({ seq: 1 });
    connection.messages(3, ['three']);
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });
    expect(await connection.member()).toMatchObject({ action: 'disconnect' });
    await away;
    await connection.closed;
    expect(payloadsOf(await next)).toEqual(['two']);
    expect(payloadsOf(await take(messages, 1))).toEqual(['three']);
    expect(await messages.next()).toEqual({ value: undefined, done: true });
    expect(alice.position).toEqual({ epoch: 'e1', seq: 3 });
  });

  it('comes back with its position, and what was handed out does not come again', async () => {
    const { server, alice, connection } = await startMember();
    connection.messages(1, ['one', 'two']);
    await take(alice.messages(), 1);
    const away = alice.disconnect();
    await connection.member();
    await away;
    const back = alice.reconnect();
    const later = await accept(server);
    expect(await later.member()).toMatchObject({ action: 'reconnect', delivered: 0, epoch: 'e1' });
    await back;
    later.messages(1, ['one', 'two', 'three']);
    const messages = alice.messages();
    expect(payloadsOf(await take(messages, 2))).toEqual(['two', 'three']);
  });

  it.each([
    ['disconnect', 'ERR_NOT_CONNECTED'],
    ['deregister', 'ERR_NOT_REGISTERED'],
  ] as const)('repeats %s whose answer was lost; that it was done already is as good', async (action, code) => {
    const { server, alice, connection } = await startMember();
    const away = alice[action]();
    await connection.take('GROUP');
    connection.drop();
    const again = await accept(server);
    const { request } = await again.take('GROUP');
    again.send({ type: 'REJECTED', request, code, message: 'done already', remedy: 'never' });
    await within(away, action);
    expect(await rejectionOf(alice.msend('x'))).toMatchObject({ code: 'ERR_NOT_CONNECTED' });
  });

  it('is told when a command from elsewhere takes it out', async () => {
    const { server, alice, connection } = await startMember();
    const messages = alice.messages();
    connection.send({ type: 'UNSUBSCRIBED', log: 1 });
    expect(await thrownBy(messages)).toMatchObject({
      code: 'ERR_NOT_CONNECTED',
      message: 'participant alice was taken out of team by a command from elsewhere',
    });
    await connection.closed;
    expect(server.count).toBe(1);
  });
});

describe('a participant whose connection breaks', () => {
  it('reconnects with its position and instance; nothing comes twice and nothing is missing', async () => {
    const { server, alice, connection, instance } = await startMember();
    const messages = alice.messages();
    connection.messages(1, ['one', 'two', 'three', 'four']);
    expect(payloadsOf(await take(messages, 2))).toEqual(['one', 'two']);
    await connection.take('DELIVERED');
    const connected = new Promise((resolve) => alice.on('connected', resolve));
    connection.drop();
    const again = await accept(server);
    expect(await again.member({ from: 2 })).toMatchObject({ action: 'reconnect', delivered: 1, epoch: 'e1', instance });
    expect(await within(connected, 'connected')).toMatchObject({ from: 2 });
    const next = take(messages, 3);
    again.messages(2, ['two']);
    again.messages(3, ['three', 'four', 'five']);
    expect(payloadsOf(await next)).toEqual(['three', 'four', 'five']);
  });

  it('does not acknowledge what this connection has not brought yet', async () => {
    const { server, alice, connection } = await startMember();
    const messages = alice.messages();
    connection.messages(1, ['one', 'two']);
    await take(messages, 2);
    connection.drop();
    const again = await accept(server);
    await again.member({ from: 2 });
    const next = take(messages, 1);
    await until(() => alice.position?.seq === 2, 'two to be done with');
    await new Promise((resolve) => setImmediate(resolve));
    expect(again.pending.filter(({ type }) => type === 'DELIVERED')).toEqual([]);
    again.messages(2, ['two', 'three']);
    expect(await again.take('DELIVERED')).toMatchObject({ seq: 2 });
    expect(payloadsOf(await next)).toEqual(['three']);
  });

  it('tries again while the server is away, and says so each time', async () => {
    const { alice, connection, server } = await startMember();
    const breaks: unknown[] = [];
    alice.on('disconnected', ({ error }) => breaks.push(error.code));
    await server.stop();
    connection.drop();
    await until(() => breaks.length > 2, 'three attempts');
    expect(breaks.slice(0, 3)).toEqual(['ERR_DISCONNECTED', 'ERR_CONNECT', 'ERR_CONNECT']);
  });

  it('gives up when another process has taken its place', async () => {
    const { server, alice, connection } = await startMember();
    const messages = alice.messages();
    connection.drop();
    const again = await accept(server);
    const { request } = await again.take('GROUP');
    again.send({ type: 'REJECTED', request, code: 'ERR_ALREADY_CONNECTED', message: 'two', remedy: 'never' });
    expect(await thrownBy(messages)).toMatchObject({ code: 'ERR_ALREADY_CONNECTED', message: 'two' });
  });

  it('goes on when the server could not go on and has said so', async () => {
    const { server, alice, connection } = await startMember();
    connection.send({ type: 'UNSUBSCRIBED', log: 1, code: 'ERR_REWIND_FAILED', message: 'disk', remedy: 'retry' });
    const again = await accept(server);
    await again.member();
    again.messages(1, ['one']);
    expect(payloadsOf(await take(alice.messages(), 1))).toEqual(['one']);
  });

  it('can be disconnected meanwhile: that it is away already is as good', async () => {
    const { server, alice, connection } = await startMember();
    const broken = new Promise((resolve) => alice.on('disconnected', resolve));
    connection.drop();
    await broken;
    const again = await accept(server);
    await again.take('GROUP');
    const away = alice.disconnect();
    const command = await accept(server);
    const { request, action } = await command.take('GROUP');
    expect(action).toBe('disconnect');
    command.send({ type: 'REJECTED', request, code: 'ERR_NOT_CONNECTED', message: 'away', remedy: 'never' });
    await within(away, 'disconnect');
    await again.closed;
  });
});
