import { describe, expect, it } from 'vitest';
import { within } from '../../support/deadline.js';
import { textsOf } from '../fake-server.js';
import { rejectionOf } from '../setup.js';
import { accept, startMember } from './stage.js';

describe('msend', () => {
  it('publishes under the id of the participant and resolves when that is acknowledged', async () => {
    const { server, alice } = await startMember();
    const sent = alice.msend('hello');
    const connection = await server.accept();
    expect(await connection.login({ source: 'team', published: 6 })).toMatchObject({
      source: 'team',
      publisher: 'alice',
    });
    const publish = await connection.take('PUBLISH');
    expect({ number: publish.number, texts: textsOf(publish) }).toEqual({ number: 7, texts: ['hello'] });
    connection.acknowledge(7, [[7, 1, 41, 1]]);
    expect(await sent).toMatchObject({ firstSeq: 41, count: 1, durability: 'disk' });
  });

  it('keeps its connection for the next message', async () => {
    const { server, alice } = await startMember();
    const first = alice.msend('one');
    const connection = await accept(server);
    await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    await first;
    const second = alice.msend('two');
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2 });
    connection.acknowledge(2, [[2, 1, 2, 1]]);
    expect(await second).toMatchObject({ firstSeq: 2 });
  });

  it('sends the same number again when the connection breaks, once the participant is back', async () => {
    const { server, alice, connection } = await startMember();
    const sent = alice.msend('hello');
    const publishing = await accept(server);
    await publishing.take('PUBLISH');
    connection.drop();
    const back = await accept(server);
    await publishing.closed;
    expect(server.count).toBe(3);
    await back.member();
    const again = await accept(server);
    expect(await again.take('PUBLISH')).toMatchObject({ number: 1 });
    again.acknowledge(1, [[1, 1, 5, 1]]);
    expect(await within(sent, 'the acknowledgement')).toMatchObject({ firstSeq: 5 });
  });

  it('tries again when the server has it for away at the moment', async () => {
    const { server, alice } = await startMember();
    const sent = alice.msend('hello');
    const first = await server.accept();
    await first.take('LOGIN');
    first.send({ type: 'ERROR', code: 'ERR_NOT_CONNECTED', message: 'away', remedy: 'never' });
    const second = await accept(server);
    await second.take('PUBLISH');
    second.refuse(1, { code: 'ERR_NOT_CONNECTED', remedy: 'never' });
    const third = await accept(server);
    await third.take('PUBLISH');
    third.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await within(sent, 'the acknowledgement')).toMatchObject({ firstSeq: 1 });
  });

  it('fails what is refused for good, and sends what comes later', async () => {
    const { server, alice } = await startMember();
    const first = alice.msend('hello');
    const connection = await accept(server);
    await connection.take('PUBLISH');
    connection.send({ type: 'ERROR', code: 'ERR_PUBLISHER_TAKEN_OVER', message: 'another alice', remedy: 'never' });
    expect(await rejectionOf(first)).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
    const second = alice.msend('again');
    const next = await accept(server);
    await next.take('PUBLISH');
    next.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await second).toMatchObject({ firstSeq: 1 });
  });

  it('is waited for by disconnect, for a while', async () => {
    const { server, alice, connection } = await startMember();
    const sent = rejectionOf(alice.msend('hello'));
    const publishing = await accept(server);
    await publishing.take('PUBLISH');
    const away = alice.disconnect();
    await connection.member();
    await away;
    expect(await sent).toMatchObject({ code: 'ERR_NOT_CONNECTED' });
    await publishing.closed;
  });
});
