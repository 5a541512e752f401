import { describe, expect, test } from 'vitest';
import { eventually } from '../support/deadline.js';
import { Listening } from '../support/listening.js';
import { Participant } from '../support/participant.js';
import { useArena } from './support/arena.js';
import { edgeOf, inspect } from './support/inspection.js';
import { signal } from './support/processes.js';
import type { PlacementName } from './support/server-process.js';

const arena = useArena();
const flags = ['--groups', '[{"name":"news","td":"1h"}]'];
const kills = 5;

/** Messages of a padded length, so that they are many pages. */
const some = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${from + index} `.padEnd(200, '.'));

test('over kill -9 of the coordinator, members stay members and get every message exactly once', {
  timeout: 120_000,
}, async () => {
  let server = await arena.start({ flags });
  const { data } = server;
  const { port } = server;
  const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
  const sent: string[] = [];
  await ada.does('register');
  await ben.does('register');
  for (let kill = 1; kill <= kills; kill += 1) {
    for (let round = 0; round < 10; round += 1) {
      const messages = some(sent.length, 100);
      expect(await ada.msend(...messages)).toMatchObject({ type: 'ACKNOWLEDGED' });
      sent.push(...messages);
      if (ben.received.next! > 1) ben.delivered();
    }
    // One of them is away when the coordinator is killed, each time another way.
    if (kill % 2 === 0) await ben.does('disconnect');
    await server.kill();
    ada.break();
    ben.break();
    server = await arena.start({ data, port, flags });
    await ada.returns();
    await ben.returns();
  }
  expect(await ada.received.has(sent.length)).toEqual(sent);
  expect(await ben.received.has(sent.length)).toEqual(sent);
  expect(await new Participant(port, 'eve').command('reconnect')).toMatchObject({ code: 'ERR_NOT_REGISTERED' });
});

describe.each<PlacementName>(['default', 'edges', 'rewinds'])('in the placement %s', (placement) => {
  test('participants come and go, and are reached over their connections and at their ports', async () => {
    const { port } = await arena.start({ placement, flags: [...flags, '--ring-bytes-max', '262144'] });
    const [ada, ben, eve] = ['ada', 'ben', 'eve'].map((id) => new Participant(port, id)) as [
      Participant,
      Participant,
      Participant,
    ];
    await ada.does('register');
    await ben.does('register', { single: true });
    const there = await Listening.start();
    await eve.does('register', { address: { port: there.port } });
    eve.break();
    const sent = some(0, 500);
    await ada.msend(...sent);
    await ben.received.has(500);
    ben.delivered();
    await ben.does('disconnect');
    await there.received.has(500);
    await eve.does('disconnect');
    await there.hasClosed(1);
    for (let round = 0; round < 8; round += 1) {
      const messages = some(sent.length, 500);
      await ada.msend(...messages);
      sent.push(...messages);
    }
    await ben.does('reconnect');
    const back = await Listening.start();
    const { epoch } = await eve.does('reconnect', { address: { port: back.port }, delivered: 500, epoch: 'unknown' });
    expect(epoch).not.toBe('unknown');
    expect(await ada.received.has(sent.length)).toEqual(sent);
    expect(await ben.received.has(sent.length)).toEqual(sent);
    expect(new Set(ben.received.sizes)).toEqual(new Set([1]));
    expect(await back.received.has(sent.length)).toEqual(sent);
  });
});

test('participants of an edge that is killed are away, and go on where they were', async () => {
  const { port } = await arena.start({ placement: 'edges', flags });
  const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
  await ada.does('register');
  await ben.does('register');
  await ada.msend('one');
  await ben.received.has(1);
  await ada.received.has(1);
  const state = await inspect(port);
  signal(edgeOf(state, 'ben').pid, 'SIGKILL');
  await eventually(() => ben.isBroken || undefined, 'the connection to break');
  await ben.returns();
  if (ada.isBroken) await ada.returns();
  await ada.msend('two');
  expect(await ben.received.has(2)).toEqual(['one', 'two']);
  expect(await ada.received.has(2)).toEqual(['one', 'two']);
});
