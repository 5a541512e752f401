import { describe, expect, it } from 'vitest';
import { until } from '../../support/deadline.js';
import { Participant } from '../../support/participant.js';
import { Random } from '../../support/random.js';
import { hasAcknowledged, isAway, membersOf } from './members.js';
import { serverWithGroup } from './server.js';

const rejected = (code: string) => ({ type: 'REJECTED', code });

describe('a participant', () => {
  it('gets what is sent while it is there, its own messages too, and behind a disconnect what it has missed', async () => {
    const { port } = await serverWithGroup();
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    expect(await ada.does('register')).toMatchObject({ state: 'online', from: 1, lastSeq: 0, tdMs: 3_600_000 });
    expect(await ada.msend('one')).toMatchObject({ type: 'ACKNOWLEDGED' });
    await ben.does('register');
    await ada.msend('two', 'three');
    await ada.received.has(3);
    await ben.received.has(2);
    ben.delivered();
    expect(await ben.does('disconnect')).toMatchObject({ state: 'away', from: 4 });
    await ada.msend('four');
    await ada.received.has(4);
    expect(await ben.does('reconnect')).toMatchObject({ state: 'online', from: 4, lastSeq: 4 });
    await ada.msend('five');
    expect(await ben.received.has(4)).toEqual(['two', 'three', 'four', 'five']);
    expect(await ada.received.has(5)).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it.each([
    ['td − 1 ms', 999, ['old', 'edge one', 'edge two', 'young']],
    ['td', 1_000, ['old', 'edge one', 'edge two', 'young']],
    [
      'td + 1 ms, two messages of the last millisecond that counts',
      1_001,
      ['expired 1..1', 'edge one', 'edge two', 'young'],
    ],
    ['td + 2 ms', 1_002, ['expired 1..3', 'young']],
  ])('that was away for %s gets exactly what it has a claim to', async (_, awayMs, expected) => {
    let nowMs = 1_000_000;
    const { port } = await serverWithGroup({ clock: () => nowMs, group: { tdMs: 1_000 } });
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ben.does('disconnect');
    await ada.msend('old');
    nowMs += 1;
    await ada.msend('edge one');
    await ada.msend('edge two');
    nowMs += 1;
    await ada.msend('young');
    nowMs += awayMs - 2;
    await ben.does('reconnect');
    expect(await ben.received.has(expected.length)).toEqual(expected);
    await ada.msend('new');
    expect(await ben.received.has(expected.length + 1)).toEqual([...expected, 'new']);
  });

  it('is told of what has expired until it has acknowledged that, whatever breaks meanwhile', async () => {
    let nowMs = 1_000_000;
    const options = { clock: () => nowMs, group: { tdMs: 1_000 } };
    const first = await serverWithGroup(options);
    const ada = new Participant(first.port, 'ada');
    await ada.does('register');
    await new Participant(first.port, 'ben').does('register');
    await new Participant(first.port, 'ben').does('disconnect');
    await ada.msend('too old');
    nowMs += 1_001;
    await ada.msend('kept');
    const broken = new Participant(first.port, 'ben');
    await broken.does('reconnect');
    broken.break();
    await isAway(first, 'ben');
    await first.stop();
    const second = await serverWithGroup({ ...options, data: first.data });
    const ben = new Participant(second.port, 'ben');
    expect(await ben.does('reconnect')).toMatchObject({ from: 1 });
    expect(await ben.received.has(2)).toEqual(['expired 1..1', 'kept']);
    ben.delivered(1);
    await ben.does('disconnect');
    expect(await ben.does('reconnect')).toMatchObject({ from: 2 });
    expect(await ben.received.has(3)).toEqual(['expired 1..1', 'kept', 'kept']);
  });

  it('counts its own time bound where that is the smaller one', async () => {
    let nowMs = 1_000_000;
    const { port } = await serverWithGroup({ clock: () => nowMs, group: { tdMs: 1_000 } });
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    await ada.does('register');
    expect(await ben.does('register', { tdMs: 10 })).toMatchObject({ tdMs: 10 });
    await ben.does('disconnect');
    await ada.msend('lost');
    nowMs += 11;
    await ada.msend('kept');
    await ben.does('reconnect');
    expect(await ben.received.has(2)).toEqual(['expired 1..1', 'kept']);
  });

  it('that has deregistered gets nothing of that time when it comes again', async () => {
    const { port } = await serverWithGroup();
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    expect(await ben.does('deregister')).toMatchObject({ state: 'deregistered' });
    await ada.msend('not for ben');
    expect(await ben.command('reconnect')).toMatchObject(rejected('ERR_NOT_REGISTERED'));
    expect(await ben.does('register')).toMatchObject({ from: 2 });
    await ada.msend('for ben');
    expect(await ben.received.has(1)).toEqual(['for ben']);
  });

  it('whose connection breaks without a word is away from then on, and nothing comes twice or is skipped', async () => {
    const server = await serverWithGroup();
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ada.msend('one', 'two', 'three');
    await ben.received.has(3);
    ben.delivered(2);
    await until(() => ben.received.next === 4, 'all three');
    const { epoch } = await ben.received.hears('MEMBER');
    ben.break();
    await isAway(server, 'ben');
    expect(await ben.msend('nobody is there')).toMatchObject({ type: 'ERROR', code: 'ERR_NOT_CONNECTED' });
    await ada.msend('four');
    await ben.does('reconnect', { delivered: 3, epoch });
    expect(await ben.received.has(4)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('that does not know how far it is gets everything again that it has not acknowledged', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    await ada.does('register');
    await ada.msend('one', 'two', 'three');
    await ada.received.has(3);
    ada.delivered(2);
    await ada.does('disconnect');
    expect(await ada.does('reconnect')).toMatchObject({ from: 3 });
    expect(await ada.received.has(4)).toEqual(['one', 'two', 'three', 'three']);
  });

  it('gets everything once and in order, however often it comes and goes while messages flow', async () => {
    const random = new Random();
    console.log(`comings and goings: SEED=${random.seed}`);
    const server = await serverWithGroup({ config: { ringBytesMax: 256 * 1024 } });
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    await ada.does('register');
    let { epoch } = await ben.does('register');
    const sent: string[] = [];
    let flowing = true;
    const flow = (async () => {
      while (flowing) {
        const some = Array.from({ length: random.integer(1, 40) }, (_, index) =>
          `${sent.length + index} `.padEnd(500, '.'),
        );
        sent.push(...some);
        await ada.msend(...some);
      }
    })();
    for (let coming = 0; coming < 40; coming += 1) {
      await ben.received.has(random.integer(0, 50) + ben.received.lines.length);
      const delivered = ben.received.next! - 1;
      if (random.chance(0.5)) {
        ben.break();
        await isAway(server, 'ben');
      } else {
        await ben.does('disconnect');
      }
      const position = Math.max(delivered, ben.received.next! - 1);
      ({ epoch } = await ben.does('reconnect', { delivered: position, epoch }));
    }
    flowing = false;
    await flow;
    expect(await ben.received.has(sent.length)).toEqual(sent);
  });

  it('may have one message per frame, and others not', async () => {
    const { port } = await serverWithGroup();
    const [ada, ben] = [new Participant(port, 'ada'), new Participant(port, 'ben')];
    await ada.does('register');
    await ben.does('register', { single: true });
    await ada.msend('one', 'two', 'three');
    await ada.received.has(3);
    expect(await ben.received.has(3)).toEqual(['one', 'two', 'three']);
    await ben.does('disconnect');
    await ben.does('reconnect');
    await ben.received.has(6);
    expect([ada.received.sizes, ben.received.sizes]).toEqual([[3], [1, 1, 1, 1, 1, 1]]);
  });
});

describe('a command', () => {
  it('is refused with what is wrong, and the connection goes on', async () => {
    const { port } = await serverWithGroup({ group: { membersMax: 1 } });
    const ada = new Participant(port, 'ada');
    expect(await ada.command('register', { participant: '' })).toMatchObject(rejected('ERR_BAD_MESSAGE'));
    for (const action of ['disconnect', 'reconnect', 'deregister'] as const) {
      expect(await ada.command(action)).toMatchObject(rejected('ERR_NOT_REGISTERED'));
    }
    expect(await ada.msend('x')).toMatchObject({ type: 'ERROR', code: 'ERR_NOT_REGISTERED' });
    expect(await ada.command('register', { group: 'olds' })).toMatchObject(rejected('ERR_UNKNOWN_GROUP'));
    expect(await ada.command('register', { group: 'main' })).toMatchObject(rejected('ERR_UNKNOWN_GROUP'));
    const { epoch } = await ada.does('register');
    expect(await ada.command('register')).toMatchObject(rejected('ERR_ID_IN_USE'));
    expect(await ada.command('reconnect')).toMatchObject(rejected('ERR_ALREADY_CONNECTED'));
    expect(await ada.command('register', { participant: 'ben' })).toMatchObject(rejected('ERR_ALREADY_SUBSCRIBED'));
    expect(await new Participant(port, 'ben').command('register')).toMatchObject(rejected('ERR_TOO_MANY_MEMBERS'));
    await ada.does('disconnect');
    expect(await ada.command('disconnect')).toMatchObject(rejected('ERR_NOT_CONNECTED'));
    const beyond = await ada.command('reconnect', { delivered: 1, epoch });
    expect(beyond).toMatchObject(rejected('ERR_BEYOND_NEXT'));
    await ada.does('reconnect', { delivered: 1, epoch: 'of another time' });
  });

  it('of a second participant of the same id is refused, and the first one notices nothing', async () => {
    const { port } = await serverWithGroup();
    const [ada, other] = [new Participant(port, 'ada'), new Participant(port, 'ada')];
    await ada.does('register', { instance: 'first' });
    expect(await other.command('register', { instance: 'second' })).toMatchObject(rejected('ERR_ID_IN_USE'));
    expect(await other.command('reconnect', { instance: 'second' })).toMatchObject(rejected('ERR_ALREADY_CONNECTED'));
    await ada.msend('still there');
    expect(await ada.received.has(1)).toEqual(['still there']);
    expect(other.received.lines).toEqual([]);
  });

  it('of the same run of a program takes the place of a connection that has broken unnoticed', async () => {
    const { port } = await serverWithGroup();
    const [before, after] = [new Participant(port, 'ada'), new Participant(port, 'ada')];
    const { epoch } = await before.does('register', { instance: 'run' });
    await before.msend('one');
    await before.received.has(1);
    await after.does('register', { instance: 'run' });
    expect(await before.received.hears('UNSUBSCRIBED')).toMatchObject({ code: 'ERR_ALREADY_CONNECTED' });
    expect(await after.received.has(1)).toEqual(['one']);
    await before.does('reconnect', { instance: 'run', delivered: 1, epoch });
    await before.msend('two');
    expect(await before.received.has(2)).toEqual(['one', 'two']);
    expect(after.received.lines).toEqual(['one']);
  });

  it('has a counterpart in UNSUBSCRIBE: who wants nothing more of the log is away', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    await ada.does('register');
    ada.unsubscribe();
    await ada.received.hears('UNSUBSCRIBED');
    expect(await membersOf(server)).toMatchObject([{ participant: 'ada', state: 'away' }]);
    expect(await ada.subscribe('news')).toMatchObject({ type: 'SUBSCRIBED' });
    expect(await ada.command('reconnect')).toMatchObject(rejected('ERR_ALREADY_SUBSCRIBED'));
  });

  it('that claims to have taken what was not sent ends the connection', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    await ada.does('register');
    ada.delivered(1);
    expect(await ada.received.hears('ERROR')).toMatchObject({ code: 'ERR_BAD_MESSAGE' });
    await isAway(server, 'ada');
  });
});

describe('a coordinator', () => {
  it('that is started again knows who is a member, and who was there is away since the stop', async () => {
    let nowMs = 1_000_000;
    const options = { clock: () => nowMs, group: { tdMs: 1_000 } };
    const first = await serverWithGroup(options);
    const [ada, ben] = [new Participant(first.port, 'ada'), new Participant(first.port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ada.msend('one');
    await ben.received.has(1);
    await ben.does('disconnect');
    nowMs += 400;
    await ada.received.has(1);
    ada.delivered();
    await ada.does('disconnect');
    await ada.does('reconnect');
    await first.stop();
    nowMs += 700;
    const second = await serverWithGroup({ ...options, data: first.data });
    expect(await membersOf(second)).toMatchObject([
      { participant: 'ada', state: 'away', cursor: 1, lag: 0, seenMs: 1_000_400 },
      { participant: 'ben', state: 'away', cursor: 0, lag: 1, seenMs: 1_000_000 },
    ]);
    const again = [new Participant(second.port, 'ada'), new Participant(second.port, 'ben')] as const;
    expect(await again[0].does('reconnect')).toMatchObject({ from: 2 });
    await again[1].does('reconnect');
    expect(await again[1].received.has(1)).toEqual(['expired 1..1']);
    await again[0].msend('two');
    expect(await again[1].received.has(2)).toEqual(['expired 1..1', 'two']);
    expect(await again[0].received.has(1)).toEqual(['two']);
  });

  it('that is started again while all are away has kept what they missed', async () => {
    const first = await serverWithGroup();
    const [ada, ben] = [new Participant(first.port, 'ada'), new Participant(first.port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ben.does('disconnect');
    await ada.msend('one', 'two');
    await ada.received.has(2);
    ada.delivered(1);
    await ada.does('disconnect');
    await first.stop();
    const { port } = await serverWithGroup({ data: first.data });
    const again = [new Participant(port, 'ada'), new Participant(port, 'ben')] as const;
    await again[1].does('reconnect');
    expect(await again[1].received.has(2)).toEqual(['one', 'two']);
    await again[0].does('reconnect');
    expect(await again[0].received.has(1)).toEqual(['two']);
  });

  it('keeps nothing that no participant has a claim to', async () => {
    let nowMs = 1_000_000;
    const server = await serverWithGroup({ clock: () => nowMs, group: { tdMs: 1_000 } });
    const log = server.store.activeSession('news')!;
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ben.does('disconnect');
    await ada.msend('one');
    await ada.msend('two');
    await ada.received.has(2);
    ada.delivered();
    nowMs += 1_001;
    await ada.msend('three');
    await ada.received.has(3);
    ada.delivered(2);
    await until(() => log.firstSeq === 3, 'the first two to be trimmed');
    await ben.does('reconnect');
    expect(await ben.received.has(2)).toEqual(['expired 1..2', 'three']);
  });

  it('does not keep everything for one that is there and never acknowledges: it is told, and comes back as one that was away', async () => {
    let nowMs = 1_000_000;
    const server = await serverWithGroup({ clock: () => nowMs, group: { tdMs: 1_000, lagMs: 5_000 } });
    const log = server.store.activeSession('news')!;
    const [ada, ben] = [new Participant(server.port, 'ada'), new Participant(server.port, 'ben')];
    await ada.does('register');
    await ben.does('register');
    await ada.msend('one');
    nowMs += 5_000;
    await ada.msend('two');
    await ada.received.has(2);
    ada.delivered();
    await hasAcknowledged(server, 'ada', 2);
    expect(await membersOf(server)).toMatchObject([{ state: 'online' }, { state: 'online', lag: 2 }]);
    nowMs += 1;
    expect(await ben.received.hears('UNSUBSCRIBED')).toMatchObject({ code: 'ERR_TOO_FAR_BEHIND', remedy: 'reconnect' });
    expect(await membersOf(server)).toMatchObject([{ state: 'online' }, { state: 'away' }]);
    await until(() => log.firstSeq === 2, 'the first message to be trimmed');
    expect(await ben.does('reconnect')).toMatchObject({ from: 1 });
    expect(await ben.received.has(4)).toEqual(['one', 'two', 'expired 1..1', 'two']);
  });

  it('does not roll a group', async () => {
    const server = await serverWithGroup();
    const ada = new Participant(server.port, 'ada');
    expect(await ada.roll('news')).toMatchObject(rejected('ERR_NOT_ROLLED'));
  });
});
