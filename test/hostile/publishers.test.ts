import { beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.js';
import {
  type Bystanders,
  connectRaw,
  type HostileServer,
  loginRaw,
  type RawClient,
  startBystanders,
  startHostileServer,
} from './support.js';

const hello = [Buffer.from('hello')];

let server: HostileServer;
let bystanders: Bystanders;

beforeEach(async () => {
  server = await startHostileServer();
  bystanders = await startBystanders(server);
});

async function publisher(id: string): Promise<RawClient> {
  return loginRaw(server, { publisher: id });
}

async function untouched(): Promise<void> {
  await bystanders.noticeNothing();
  expect(server.log.failures).toEqual([]);
}

describe('publishers that send on behind a refusal', () => {
  it('do not take the room of all others, whatever they send in between', async () => {
    const publishBytesMax = 2 * limits.publishWindowBytes;
    const small = await startHostileServer({ publishBytesMax });
    const others = await startBystanders(small);
    for (let round = 0; round < 4; round += 1) {
      const client = await loginRaw(small, { publisher: `greedy-${round}` });
      client.publish(1, hello);
      await client.take('ACKNOWLEDGED');
      client.publish(2, hello, 'no such session');
      await client.take('REFUSED');
      client.publish(1, hello);
      client.publish(3, [Buffer.alloc(1_000_000)]);
      client.publish(4, [Buffer.alloc(1_000_000)]);
      await client.take('ACKNOWLEDGED');
      client.send({ type: 'INSPECT', request: 1 });
      await client.take('INSPECTION');
    }
    await others.progress();
    await others.noticeNothing();
  });
});

describe('a publisher id', () => {
  it('that logs in again takes over; the older connection is told and closed', async () => {
    const older = await publisher('the one');
    older.publish(1, hello);
    await older.take('ACKNOWLEDGED');
    const newer = await connectRaw(server);
    expect(await newer.login({ publisher: 'the one' })).toMatchObject({ published: 1 });
    expect(await older.errorThenClose()).toBe('ERR_PUBLISHER_TAKEN_OVER');
    await server.log.withCode('ERR_PUBLISHER_TAKEN_OVER');
    newer.publish(2, hello);
    expect((await newer.take('ACKNOWLEDGED')).number).toBe(2);
    await untouched();
  });

  it('that fifty connections fight over writes every number once', async () => {
    let due = 1;
    for (let round = 0; round < 50; round += 1) {
      const client = await connectRaw(server);
      const { published } = await client.login({ publisher: 'fought over' });
      due = published + 1;
      client.publish(due, numbered(due));
      if (round % 2 === 0) await client.take('ACKNOWLEDGED');
    }
    const last = await connectRaw(server);
    due = (await last.login({ publisher: 'fought over' })).published + 1;
    last.publish(due, numbered(due));
    let acknowledged = await last.take('ACKNOWLEDGED');
    while (acknowledged.number < due) acknowledged = await last.take('ACKNOWLEDGED');
    const to = acknowledged.runs[0]![2];
    last.send({ type: 'REREQUEST', request: 1, from: 1, to });
    await last.take('RETRANSMITTED');
    const texts = last.inbox.items.flatMap((item) => (item.type === 'RETRANSMISSION' ? item.payloads.map(String) : []));
    const expected = Array.from({ length: due }, (_, index) => `number ${index + 1}`);
    expect(texts.filter((text) => text.startsWith('number '))).toEqual(expected);
    await untouched();
  });

  it('of which a client uses a thousand leaves nothing behind in memory', async () => {
    for (let round = 0; round < 1000; round += 1) {
      const client = await publisher(`passing-${round}`);
      client.publish(1, hello);
      client.socket.end();
      await client.closed;
    }
    const watcher = await loginRaw(server);
    let publishers = Number.POSITIVE_INFINITY;
    while (publishers > 1) {
      watcher.send({ type: 'INSPECT', request: 1 });
      const { state } = await watcher.take('INSPECTION');
      publishers = (state.sessions as { publishers: number }[])[0]!.publishers;
    }
    expect(publishers).toBe(1);
    await untouched();
  });
});

function numbered(number: number): Buffer[] {
  return [Buffer.from(`number ${number}`)];
}
