import { describe, expect, it } from 'vitest';
import { blockPayloadBytesMax, limits } from '../../protocol/index.js';
import { within } from '../support/deadline.js';
import { textsOf } from './fake-server.js';
import { rejectionOf, startPair } from './setup.js';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('publish', () => {
  it('resolves with where the messages are', async () => {
    const { connection, client } = await startPair();
    const publishing = client.publish(bytes('a'));
    const publish = await connection.take('PUBLISH');
    expect(publish).toMatchObject({ number: 1, session: '' });
    expect(textsOf(publish)).toEqual(['a']);
    connection.acknowledge(1, [[1, 1, 41, 1]]);
    expect(await within(publishing, 'the acknowledgement')).toEqual({
      session: 'S1',
      epoch: 'e1',
      firstSeq: 41,
      count: 1,
      durability: 'disk',
    });
  });

  it('puts the publishes of one turn into one frame, and gives each its own numbers', async () => {
    const { connection, client } = await startPair();
    const publishing = [
      client.publish(bytes('a')),
      client.publish([bytes('b'), bytes('c')]),
      client.publish(bytes('d')),
    ];
    expect(textsOf(await connection.take('PUBLISH'))).toEqual(['a', 'b', 'c', 'd']);
    connection.acknowledge(1, [[1, 1, 10, 4]]);
    const acknowledgements = await within(Promise.all(publishing), 'the acknowledgements');
    expect(acknowledgements.map(({ firstSeq, count }) => [firstSeq, count])).toEqual([
      [10, 1],
      [11, 2],
      [13, 1],
    ]);
  });

  it('does not put publishes to different sessions into one frame', async () => {
    const { connection, client } = await startPair();
    void client.publish(bytes('a'), { session: 'S1' });
    void client.publish(bytes('b'), { session: 'S2' });
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 1, session: 'S1' });
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2, session: 'S2' });
  });

  it('keeps frames within the limits of a block', async () => {
    const { connection, client } = await startPair();
    for (let index = 0; index < limits.blockMessagesMax + 1; index += 1) void client.publish(bytes('x'));
    void client.publish(Buffer.alloc(blockPayloadBytesMax - 5));
    const counts = [];
    for (let frame = 0; frame < 3; frame += 1) counts.push((await connection.take('PUBLISH')).payloads.count);
    expect(counts).toEqual([limits.blockMessagesMax, 1, 1]);
  });

  it('matches runs of several publishes, over several acknowledgements', async () => {
    const { connection, client } = await startPair();
    const publishing = [];
    for (const session of ['A', 'B', 'A']) publishing.push(client.publish(bytes(session), { session }));
    for (let frame = 0; frame < 3; frame += 1) await connection.take('PUBLISH');
    connection.acknowledge(2, [[1, 2, 7, 1]]);
    connection.acknowledge(3, [[3, 1, 1, 1]], { session: 'S2', epoch: 'e2', durability: 'os' });
    const acknowledgements = await within(Promise.all(publishing), 'the acknowledgements');
    expect(acknowledgements.map(({ session, firstSeq }) => [session, firstSeq])).toEqual([
      ['S1', 7],
      ['S1', 8],
      ['S2', 1],
    ]);
    expect(acknowledgements[2]).toMatchObject({ epoch: 'e2', durability: 'os' });
  });

  it('goes on numbering where the server says this publisher was', async () => {
    const { connection, client } = await startPair({ publisher: 'p' }, { published: 17 });
    void client.publish(bytes('a'));
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 18 });
  });

  it('keeps no more in flight than the server allows, and sends the rest as acknowledgements come', async () => {
    const { connection, client } = await startPair({}, { publishesInFlightMax: 2 });
    for (const session of ['A', 'B', 'C']) void client.publish(bytes('x'), { session });
    await connection.take('PUBLISH');
    await connection.take('PUBLISH');
    void client.inspect();
    await connection.take('INSPECT');
    expect(connection.pending).toEqual([]);
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 3, session: 'C' });
  });

  it('keeps no more bytes in flight than the window', async () => {
    const { connection, client } = await startPair({}, { publishWindowBytes: 1_000 });
    for (let index = 0; index < 3; index += 1) void client.publish(Buffer.alloc(700));
    expect((await connection.take('PUBLISH')).payloads.count).toBe(1);
    void client.inspect();
    await connection.take('INSPECT');
    expect(connection.pending).toEqual([]);
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2 });
  });

  it('room() resolves when the server has caught up', async () => {
    const { connection, client } = await startPair();
    await within(client.room(), 'room at the start');
    const payload = Buffer.alloc(limits.payloadBytesMax - 5);
    for (let index = 0; index < 3; index += 1) void client.publish(payload);
    let roomy = false;
    const room = client.room().then(() => {
      roomy = true;
    });
    await connection.take('PUBLISH');
    expect(roomy).toBe(false);
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    await within(room, 'room');
  });

  it('refuses what cannot be one publish, and what the queue has no room for', async () => {
    const { client } = await startPair({ publishQueueBytesMax: 1_000 });
    const tooMany = new Array<Buffer>(limits.blockMessagesMax + 1).fill(bytes('x'));
    expect(await rejectionOf(client.publish(tooMany))).toMatchObject({ code: 'ERR_PUBLISH_TOO_LARGE' });
    expect(await rejectionOf(client.publish(Buffer.alloc(limits.payloadBytesMax + 1)))).toMatchObject({
      code: 'ERR_PUBLISH_TOO_LARGE',
    });
    expect(await rejectionOf(client.publish([Buffer.alloc(blockPayloadBytesMax), bytes('x')]))).toMatchObject({
      code: 'ERR_PUBLISH_TOO_LARGE',
    });
    void client.publish(Buffer.alloc(900));
    expect(await rejectionOf(client.publish(Buffer.alloc(200)))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    expect(() => client.publish([])).toThrow(TypeError);
  });

  it('leaves out a publish whose signal is aborted before it is sent', async () => {
    const { connection, client } = await startPair();
    const abort = new AbortController();
    const aborted = rejectionOf(client.publish(bytes('a'), { signal: abort.signal }));
    void client.publish(bytes('b'));
    abort.abort(new Error('enough'));
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED' });
    expect(textsOf(await connection.take('PUBLISH'))).toEqual(['b']);
  });

  it('rejects a publish whose signal is aborted while it is in flight, and keeps the numbers of the others', async () => {
    const { connection, client } = await startPair();
    const abort = new AbortController();
    const aborted = rejectionOf(client.publish(bytes('a'), { signal: abort.signal }));
    const other = client.publish(bytes('b'));
    await connection.take('PUBLISH');
    abort.abort();
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED' });
    connection.acknowledge(1, [[1, 1, 5, 2]]);
    expect(await within(other, 'the acknowledgement')).toMatchObject({ firstSeq: 6 });
  });
});

describe('a refused publish', () => {
  it('is sent again, and all after it, in order, when the server says retry', async () => {
    const { connection, client } = await startPair();
    const postponed: string[] = [];
    client.on('postponed', ({ code }) => postponed.push(code));
    const publishing = ['A', 'B', 'C'].map((session) => client.publish(bytes(session), { session }));
    for (let frame = 0; frame < 3; frame += 1) await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    connection.refuse(2);
    connection.refuse(3);
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2, session: 'B' });
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 3, session: 'C' });
    connection.acknowledge(3, [[2, 2, 2, 1]]);
    const acknowledgements = await within(Promise.all(publishing), 'the acknowledgements');
    expect(acknowledgements.map(({ firstSeq }) => firstSeq)).toEqual([1, 2, 3]);
    expect(postponed).toEqual(['ERR_NOT_WRITTEN']);
    expect(connection.pending).toEqual([]);
  });

  it('fails to its caller when the server says never, and its number goes to the next', async () => {
    const { connection, client } = await startPair();
    const [first, second, third] = ['A', 'gone', 'C'].map((session) => client.publish(bytes(session), { session }));
    for (let frame = 0; frame < 3; frame += 1) await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    const refusal = { code: 'ERR_SESSION_ENDED', message: 'over', remedy: 'never' } as const;
    connection.refuse(2, refusal);
    connection.refuse(3, refusal);
    expect(await rejectionOf(second!)).toMatchObject({ code: 'ERR_SESSION_ENDED', message: 'over' });
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2, session: 'C' });
    connection.acknowledge(2, [[2, 1, 2, 1]]);
    expect(await within(first!, 'the first')).toMatchObject({ firstSeq: 1 });
    expect(await within(third!, 'the third')).toMatchObject({ firstSeq: 2 });
  });

  it('does not take the echo of an earlier refusal for a verdict on the publish that was sent again', async () => {
    const { connection, client } = await startPair();
    const [, second, third] = ['gone', 'B', 'C'].map((session) => client.publish(bytes(session), { session }));
    for (let frame = 0; frame < 3; frame += 1) await connection.take('PUBLISH');
    connection.refuse(1, { code: 'ERR_SESSION_ENDED', remedy: 'never' });
    await connection.take('PUBLISH');
    await connection.take('PUBLISH');
    // Refusals of the first sending, which cross the second one.
    connection.refuse(2, { code: 'ERR_PUBLISH_NUMBER', remedy: 'never' });
    connection.refuse(3, { code: 'ERR_PUBLISH_NUMBER', remedy: 'never' });
    connection.acknowledge(2, [[1, 2, 1, 1]]);
    expect(await within(second!, 'the second')).toMatchObject({ firstSeq: 1 });
    expect(await within(third!, 'the third')).toMatchObject({ firstSeq: 2 });
  });

  it('waits for the verdict on earlier publishes before it is sent again', async () => {
    const { connection, client } = await startPair();
    const [first, second] = ['A', 'B'].map((session) => client.publish(bytes(session), { session }));
    await connection.take('PUBLISH');
    await connection.take('PUBLISH');
    connection.refuse(2, { code: 'ERR_SESSION_ENDED', remedy: 'never' });
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await within(first!, 'the first')).toMatchObject({ firstSeq: 1 });
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 2, session: 'B' });
    connection.refuse(2, { code: 'ERR_SESSION_ENDED', remedy: 'never' });
    expect(await rejectionOf(second!)).toMatchObject({ code: 'ERR_SESSION_ENDED' });
  });

  it('is sent again on a new connection when its outcome is unknown', async () => {
    const { server, connection, client } = await startPair();
    const publishing = client.publish(bytes('a'));
    await connection.take('PUBLISH');
    connection.refuse(1, { code: 'ERR_OUTCOME_UNKNOWN', remedy: 'reconnect' });
    const next = await server.accept();
    await next.login({ published: 1 });
    expect(await next.take('PUBLISH')).toMatchObject({ number: 1 });
    next.acknowledge(1, [[1, 1, 9, 1]]);
    expect(await within(publishing, 'the acknowledgement')).toMatchObject({ firstSeq: 9 });
  });

  it('fails after a second ERR_PUBLISH_NUMBER in a row, with a reconnect between', async () => {
    const { server, connection, client } = await startPair();
    const publishing = rejectionOf(client.publish(bytes('a')));
    const refusal = { code: 'ERR_PUBLISH_NUMBER', message: 'expected 9', remedy: 'never' } as const;
    await connection.take('PUBLISH');
    connection.refuse(1, refusal);
    const next = await server.accept();
    await next.login();
    await next.take('PUBLISH');
    next.refuse(1, refusal);
    expect(await publishing).toMatchObject({ code: 'ERR_PUBLISH_NUMBER', message: 'expected 9' });
  });
});

describe('publishing over a reconnect', () => {
  it('sends everything that is not acknowledged again, under the same numbers', async () => {
    const { server, connection, client } = await startPair();
    const publishing = ['A', 'B', 'C'].map((session) => client.publish(bytes(session), { session }));
    for (let frame = 0; frame < 3; frame += 1) await connection.take('PUBLISH');
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    await within(publishing[0]!, 'the first acknowledgement');
    connection.drop();
    const next = await server.accept();
    await next.login({ published: 2 });
    expect(await next.take('PUBLISH')).toMatchObject({ number: 2, session: 'B' });
    expect(await next.take('PUBLISH')).toMatchObject({ number: 3, session: 'C' });
    // The repeat gets its original acknowledgement.
    next.acknowledge(2, [[2, 1, 2, 1]]);
    next.acknowledge(3, [[3, 1, 8, 1]]);
    expect(await within(publishing[1]!, 'the second')).toMatchObject({ firstSeq: 2 });
    expect(await within(publishing[2]!, 'the third')).toMatchObject({ firstSeq: 8 });
  });

  it('sends what was published while there was no connection', async () => {
    const { server, connection, client } = await startPair();
    const gone = new Promise<void>((resolve) => client.on('disconnected', () => resolve()));
    connection.drop();
    await within(gone, 'the break');
    const publishing = client.publish(bytes('late'));
    const next = await server.accept();
    await next.login({ published: 0 });
    expect(textsOf(await next.take('PUBLISH'))).toEqual(['late']);
    next.acknowledge(1, [[1, 1, 1, 1]]);
    await within(publishing, 'the acknowledgement');
  });

  it('follows a server that has lost its record of acknowledged publishes', async () => {
    const { server, connection, client } = await startPair();
    for (let number = 1; number <= 3; number += 1) {
      const publishing = client.publish(bytes('x'));
      await connection.take('PUBLISH');
      connection.acknowledge(number, [[number, 1, number, 1]]);
      await within(publishing, 'an acknowledgement');
    }
    void client.publish(bytes('new'));
    expect(await connection.take('PUBLISH')).toMatchObject({ number: 4 });
    connection.drop();
    const next = await server.accept();
    await next.login({ published: 1 });
    expect(await next.take('PUBLISH')).toMatchObject({ number: 2 });
  });

  it('ends when the server has numbers on record that this client never sent', async () => {
    const { server, connection, client } = await startPair();
    const publishing = rejectionOf(client.publish(bytes('x')));
    await connection.take('PUBLISH');
    connection.drop();
    await (await server.accept()).login({ published: 5 });
    expect(await publishing).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
  });
});
