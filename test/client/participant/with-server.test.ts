import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultServerConfig } from '../../../actors/server-config.js';
import { type RunningServer, startServer } from '../../../actors/start-server.js';
import { connect, Participant } from '../../../client/index.js';
import { until, within } from '../../support/deadline.js';
import { Random } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { rejectionOf, take } from '../setup.js';

const group = 'team';
const bounds = { membersMax: 100, dialBack: 'same-address' as const };
const seed = Number(process.env.SEED ?? 1);
const participants: Participant<string>[] = [];
let server: RunningServer;
let remove: () => Promise<void>;

beforeAll(async () => {
  const temporary = await temporaryDirectory();
  remove = temporary.remove;
  const config = {
    ...defaultServerConfig,
    data: temporary.directory,
    port: 0,
    sources: [],
    groups: [
      { ...bounds, name: group, tdMs: 60_000, lagMs: 3_600_000 },
      { ...bounds, name: 'brief', tdMs: 1, lagMs: 1_000 },
    ],
    generator: { ...defaultServerConfig.generator, rate: 0 },
    durability: 'os' as const,
    diskReserveBytes: 0,
  };
  server = await startServer(config, pino({ level: 'silent' }));
});

afterAll(async () => {
  for (const participant of participants) await participant.close();
  await server?.stop();
  await remove();
});

const values = {
  encode: (value: string) => Buffer.from(value),
  decode: (payload: Uint8Array) => Buffer.from(payload).toString(),
};

function participant(id: string, more: { single?: boolean; tdMs?: number; group?: string } = {}): Participant<string> {
  const made = new Participant<string>({ port: server.port, group, id, values, ...more });
  participants.push(made);
  return made;
}

describe('a participant with a real server', () => {
  it.each([
    ['over its own connection', {}],
    ['at a port', { listen: 0 }],
  ])('gets what it sends, and what was sent while it was away, %s', async (where, options) => {
    const [here, away] = [participant(`here ${where}`), participant(`away ${where}`, { single: true, tdMs: 5_000 })];
    await here.register(options);
    expect(await away.register(options)).toMatchObject({ state: 'online', tdMs: 5_000 });
    await here.msend('both are here');
    expect(await take(away.messages(), 1)).toMatchObject([{ payload: 'both are here' }]);
    await away.disconnect();
    await Promise.all(['one', 'two', 'three'].map((text) => here.msend(text)));
    await away.reconnect(options);
    expect((await take(away.messages(), 3)).map(({ payload }) => payload)).toEqual(['one', 'two', 'three']);
    expect((await take(here.messages(), 4)).map(({ payload }) => payload)).toEqual([
      'both are here',
      'one',
      'two',
      'three',
    ]);
    await Promise.all([here.deregister(), away.deregister()]);
  });

  it('is listed with its state, its cursor and its lag', async () => {
    const [lister, listed] = [await connect({ port: server.port, publisher: false }), participant('listed')];
    const member = async () => {
      const members = await lister.members({ group });
      return members.find((found) => found.participant === 'listed');
    };
    const { from } = await listed.register();
    await listed.msend('one');
    expect(await member()).toMatchObject({ state: 'online', cursor: from - 1, lag: 1 });
    const messages = listed.messages();
    await take(messages, 1);
    void messages.next();
    await until(() => listed.position?.seq === from, 'the message to be done with');
    await listed.disconnect();
    expect(await member()).toMatchObject({ state: 'away', cursor: from, lag: 0 });
    await listed.deregister();
    expect(await member()).toBeUndefined();
    expect(await rejectionOf(lister.members({ group: 'nope' }))).toMatchObject({ code: 'ERR_UNKNOWN_GROUP' });
    await lister.close();
  });

  it.each([
    ['over its own connection', {}],
    ['at a port', { listen: 0 }],
  ])(
    'whose consumer stands still is sent away, comes back, and is told what it has missed, %s',
    async (where, options) => {
      const [sender, still] = ['sender', 'still'].map((id) => participant(`${id} ${where}`, { group: 'brief' }));
      await sender!.register();
      const consumer = (async () => {
        for await (const _ of sender!.messages());
      })();
      const told: unknown[] = [];
      still!.on('disconnected', ({ error }) => told.push(error.code));
      still!.on('lost', (range) => told.push(range));
      const { from } = await still!.register(options);
      const messages = still!.messages();
      await sender!.msend('at work on');
      expect(await take(messages, 1)).toMatchObject([{ payload: 'at work on' }]);
      await sender!.msend('missed');
      await until(() => told.length > 0, 'the server to send it away');
      const next = take(messages, 1);
      await until(() => told.length > 1, 'word of what is lost');
      await sender!.msend('afterwards');
      expect(await next).toMatchObject([{ payload: 'afterwards' }]);
      expect(told).toEqual(['ERR_TOO_FAR_BEHIND', { from: from + 1, to: from + 1, reason: 'expired' }]);
      await Promise.all([sender!.deregister(), still!.deregister()]);
      await consumer;
    },
  );

  it(`has each message once and in order, however it comes and goes while they flow (seed ${seed})`, async () => {
    const random = new Random(seed);
    const [sender, reader] = [participant('sender'), participant('reader')];
    await sender.register();
    const { from } = await reader.register();
    const received: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { seq, payload } of reader.messages()) {
        expect(seq).toBe(from + received.length);
        received.push(payload);
      }
    };
    let reading = read();
    const texts: string[] = [];
    for (let round = 0; round < 30; round += 1) {
      const sending = [];
      for (let n = random.integer(0, 300); n >= 0; n -= 1) {
        texts.push(`message ${texts.length}`);
        sending.push(sender.msend(texts.at(-1)!));
      }
      const enough = Math.min(texts.length, received.length + random.integer(0, 300));
      await Promise.race([Promise.all(sending), until(() => received.length >= enough, 'some messages')]);
      await reader.disconnect();
      await within(reading, 'the iterator to end');
      await reader.reconnect(random.chance(0.5) ? {} : { listen: 0 });
      reading = read();
      await Promise.all(sending);
    }
    await until(() => received.length >= texts.length, 'all messages');
    expect(received).toEqual(texts);
    await Promise.all([reader.deregister(), sender.deregister()]);
  });
});
