import { describe, expect, it } from 'vitest';
import { dialTarget } from '../../../actors/groups/dial-target.js';
import { Listening } from '../../support/listening.js';
import { Participant } from '../../support/participant.js';
import { hasAcknowledged, isAway, membersOf } from './members.js';
import { serverWithGroup } from './server.js';

const rejected = (code: string) => ({ type: 'REJECTED', code });

describe('a participant that listens at a port', () => {
  it('is sent its messages there, and the port is released when it leaves', async () => {
    const server = await serverWithGroup();
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    await ada.does('register');
    const first = await Listening.start();
    const answer = await ben.does('register', { address: { port: first.port } });
    ben.break();
    const { request: _, ...greeting } = answer;
    expect(await first.received.hears('MEMBER')).toEqual(greeting);
    expect((await membersOf(server))[1]).toMatchObject({ state: 'online', address: `127.0.0.1 ${first.port}` });
    await ada.msend('one', 'two');
    await first.received.has(2);
    first.say({ type: 'DELIVERED', log: answer.log, seq: 1 });
    await ada.msend('three');
    await first.received.has(3);
    first.say({ type: 'DELIVERED', log: answer.log, seq: 3 });
    await hasAcknowledged(server, 'ben', 3);
    await ben.does('disconnect');
    await first.received.hears('UNSUBSCRIBED');
    await first.hasClosed(1);

    await ada.msend('four');
    const second = await Listening.start();
    await ben.does('reconnect', { address: { port: second.port } });
    await ada.msend('five');
    expect(await second.received.has(2)).toEqual(['four', 'five']);
    expect(first.received.lines).toEqual(['one', 'two', 'three']);
    await ben.does('deregister');
    await second.hasClosed(1);
  });

  it('is away when the connection to it breaks, and is not called again before it says so', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    const there = await Listening.start();
    const { epoch } = await ada.does('register', { address: { port: there.port } });
    await ada.msend('one');
    await there.received.has(1);
    there.break();
    await isAway(server, 'ada');
    expect(await ada.msend('two')).toMatchObject({ code: 'ERR_NOT_CONNECTED' });
    await ada.does('reconnect', { address: { port: there.port }, delivered: 1, epoch });
    await ada.msend('two');
    expect(await there.received.has(2)).toEqual(['one', 'two']);
  });

  it('is refused where nobody listens, where another one does, and where the server may not connect to', async () => {
    const server = await serverWithGroup();
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    const there = await Listening.start();
    const gone = await Listening.start();
    gone.stop();
    await ada.does('register', { address: { port: there.port } });
    const at = (port: number, host?: string) => ({ address: { port, ...(host !== undefined && { host }) } });
    expect(await ben.command('register', at(there.port))).toMatchObject(rejected('ERR_PORT_IN_USE'));
    expect(await ben.command('register', at(gone.port))).toMatchObject({
      ...rejected('ERR_UNREACHABLE'),
      remedy: 'retry',
    });
    expect(await ben.command('register', at(there.port, '127.0.0.2'))).toMatchObject(rejected('ERR_ADDRESS_REFUSED'));
    expect(await ben.command('reconnect')).toMatchObject(rejected('ERR_NOT_REGISTERED'));
    await ben.does('register');
    await ada.does('disconnect');
    await ben.does('disconnect');
    await ben.does('reconnect', at(there.port));
  });

  it('that says anything but what it has taken is away', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    const there = await Listening.start();
    await ada.does('register', { address: { port: there.port } });
    await there.received.hears('MEMBER');
    there.say({ type: 'INSPECT', request: 1 });
    expect(await there.received.hears('ERROR')).toMatchObject({ code: 'ERR_BAD_MESSAGE' });
    await isAway(server, 'ada');
  });

  it('is told when the server stops, and may be reached again by the next one', async () => {
    const server = await serverWithGroup();
    const there = await Listening.start();
    await new Participant(server.port, 'ada').does('register', { address: { port: there.port } });
    await there.received.hears('MEMBER');
    await server.stop();
    expect(await there.received.hears('ERROR')).toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
    await there.hasClosed(1);
    const next = await serverWithGroup({ data: server.data });
    const ada = new Participant(next.port, 'ada');
    await ada.does('reconnect', { address: { port: there.port } });
    await ada.msend('one');
    expect(await there.received.has(1)).toEqual(['one']);
  });
});

describe('where a server may connect to', () => {
  it.each([
    ['the address of the command', undefined, 'same-address', '10.0.0.1'],
    ['the address of the command, named', '10.0.0.1', 'same-address', '10.0.0.1'],
    ['an address of the list', '10.0.0.9', ['10.0.0.8', '10.0.0.9'], '10.0.0.9'],
    ['any address', '192.168.7.7', 'any', '192.168.7.7'],
  ] as const)('is %s', async (_, host, targets, expected) => {
    expect(await dialTarget(host, '::ffff:10.0.0.1', targets)).toBe(expected);
  });

  it.each([
    ['another one', '10.0.0.2', 'same-address'],
    ['one that is not listed', '10.0.0.1', ['10.0.0.8']],
    ['that of the command when it is not listed', undefined, ['10.0.0.8']],
  ] as const)('is not %s', async (_, host, targets) => {
    await expect(dialTarget(host, '10.0.0.1', targets)).rejects.toMatchObject({ code: 'ERR_ADDRESS_REFUSED' });
  });
});
