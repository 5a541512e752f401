import { describe, expect, it } from 'vitest';
import { encodePayloads, ProtocolError, sealBlock } from '../../../protocol/index.js';
import { SoupError, soupLimits } from '../../../protocol/soup/index.js';
import { turn, until } from '../../support/deadline.js';
import { binLogin, binPacket, lineLogin } from '../../support/soup-client.js';
import { blockOf, deferred, sessionOf } from '../support.js';
import { SoupStage } from './soup-stage.js';

const { heartbeatMs, loginMs, shortLoginWaitMs, silenceMs } = soupLimits;
const latin = (text: string) => Buffer.from(text, 'latin1');

/** What a binary client has received, without the lengths in front. */
const debugOf = (heard: string) => heard.slice(2);

describe('the login of a Soup client', () => {
  it('is answered in its own protocol, and its subscription starts where it was decided', async () => {
    const decide = async () => ({ session: sessionOf({ session: '2026112101' }), next: 6, pull: true });
    const stage = await SoupStage.start({ decide });
    stage.say(binLogin(5, '2026112101', 'alice', 'secret'));
    await stage.hears('\x00\x1fA2026112101                   6');
    const login = { user: 'alice', password: 'secret', session: '2026112101', sequence: 5, short: false };
    expect(stage.logins).toEqual([login]);
    expect(stage.subscriptions[0]!.start).toMatchObject({ next: 6, pull: true, client: 'SoupBinTCP 3.00 alice' });
  });

  it('is answered in lines when it was a line', async () => {
    const stage = await SoupStage.start();
    stage.say(lineLogin(5));
    await stage.hears('A        S1         5\n');
    expect(stage.subscriptions[0]!.start.client).toBe('SoupTCP 2.00');
  });

  it('is rejected with its reason, behind a debug packet that says more, and the connection is closed', async () => {
    const decide = () => Promise.reject(new SoupError('ERR_CREDENTIALS', 'no such user', { reject: 'A' }));
    const binary = await SoupStage.start({ decide });
    binary.say(binLogin(1));
    expect(await binary.heardToTheEnd()).toBe(`\x00\x1e+ERR_CREDENTIALS: no such user\x00\x02JA`);
    const lines = await SoupStage.start({ decide });
    lines.say(lineLogin(1));
    expect(await lines.heardToTheEnd()).toBe('+ERR_CREDENTIALS: no such user\nJA\n');
    expect(lines.subscriptions).toEqual([]);
  });

  it('is rejected when the server cannot decide it, and the reason is for the log only', async () => {
    const stage = await SoupStage.start({ decide: () => Promise.reject(new Error('a secret')) });
    stage.say(lineLogin(1));
    expect(await stage.heardToTheEnd()).toBe('+ERR_INTERNAL: the server could not answer; its log says why\nJS\n');
    expect(stage.log.failures).toHaveLength(1);
  });

  it.each([
    ['is of a wrong length', latin('\x00\x2eL'), '+ERR_BAD_MESSAGE: not a Login Request of SoupBinTCP 3.00', 'JS'],
    ['comes behind data', binPacket('U', 'data'), '+ERR_LOGIN_REQUIRED: ', undefined],
    ['comes behind a heartbeat', binPacket('R'), '+ERR_LOGIN_REQUIRED: ', undefined],
  ])('is refused when it %s', async (_, bytes, text, rejected) => {
    const stage = await SoupStage.start();
    stage.say(Buffer.concat([bytes, binLogin(1)]));
    const heard = await stage.heardToTheEnd();
    expect(debugOf(heard).startsWith(text)).toBe(true);
    expect(heard.includes('\x00\x02J')).toBe(rejected !== undefined);
    expect(stage.logins).toEqual([]);
  });

  it('may be followed by more at once, which is read when it is decided', async () => {
    const decided = deferred<{ session: ReturnType<typeof sessionOf>; next: number; pull: boolean }>();
    const stage = await SoupStage.start({ decide: () => decided.promise });
    stage.say(Buffer.concat([binLogin(1), binPacket('U', 'x')]));
    await until(() => stage.logins.length === 1, 'the login');
    await turn();
    expect(stage.heard).toBe('');
    decided.resolve({ session: sessionOf(), next: 1, pull: false });
    await stage.hears('ERR_NOT_A_PUBLISHER');
    expect(stage.heard.indexOf('A        S1')).toBeLessThan(stage.heard.indexOf('ERR_NOT_A_PUBLISHER'));
  });

  it('is sent once', async () => {
    const stage = await SoupStage.start();
    await stage.loggedIn(binLogin(1));
    stage.say(binLogin(1));
    expect(debugOf(await stage.heardToTheEnd())).toMatch(/^\+ERR_ALREADY_LOGGED_IN: /);
  });

  it('is waited for, and no longer than the document says', async () => {
    const stage = await SoupStage.start();
    stage.pass(loginMs);
    await turn();
    expect(stage.ended).toBe(false);
    stage.pass(1);
    expect(await stage.heardToTheEnd()).toBe('+ERR_LOGIN_TIMEOUT: no login within 30000 ms\n');
  });

  it('that nobody waits for any more leaves no subscription behind', async () => {
    const decided = deferred<{ session: ReturnType<typeof sessionOf>; next: number; pull: boolean }>();
    const stage = await SoupStage.start({ decide: () => decided.promise });
    stage.say(binLogin(1));
    await until(() => stage.logins.length === 1, 'the login');
    // A paused socket does not see the end of the other side; a reset it does.
    stage.far.resetAndDestroy();
    await until(() => stage.departures === 1, 'the departure');
    decided.resolve({ session: sessionOf(), next: 1, pull: false });
    await turn();
    expect(stage.subscriptions).toEqual([]);
  });
});

describe('the short login', () => {
  it('counts when nothing has followed it for as long as is stated', async () => {
    const stage = await SoupStage.start();
    stage.say('LS010001');
    await until(() => stage.far.bytesWritten === 8, 'the bytes to leave');
    // The server has read them when it does not take the time it is given for silence.
    await turn();
    stage.pass(shortLoginWaitMs - 1);
    await turn();
    expect(stage.logins).toEqual([]);
    await until(() => {
      stage.pass(shortLoginWaitMs);
      return stage.logins.length === 1;
    }, 'the login to count');
    await stage.hears('A        S1         1\n');
    expect(stage.logins[0]).toMatchObject({ session: 'S01', sequence: 1, short: true });
  });

  it('counts at once with a line feed behind it', async () => {
    const stage = await SoupStage.start();
    stage.say('LS010000\n');
    await stage.hears('A        S1         0\n');
  });

  it('may be the start of a longer one that arrives in pieces', async () => {
    const stage = await SoupStage.start();
    const login = latin(`LS01000${'1pass'.padEnd(10)}${' '.repeat(10)}${'42'.padStart(10)}\n`);
    stage.say(login.subarray(0, 8));
    await turn();
    stage.pass(shortLoginWaitMs - 1);
    stage.say(login.subarray(8));
    await stage.hears('A        S1        42\n');
    expect(stage.logins[0]).toMatchObject({ user: 'S01000', password: '1pass', short: false });
  });

  it('has no heartbeats of its client, so its silence is none', async () => {
    const stage = await SoupStage.start();
    await stage.loggedIn('LS010001\n');
    for (let count = 0; count < 40; count += 1) {
      stage.pass(heartbeatMs);
      await stage.hears('H\n'.repeat(count + 1));
    }
    expect(stage.ended).toBe(false);
  });
});

describe('a Soup client', () => {
  it('is sent the blocks of its subscription as packets', async () => {
    const binary = await SoupStage.start();
    const { start } = await binary.loggedIn(binLogin(1));
    start.outlet.write([blockOf(1, 2), blockOf(3, 1)]);
    await binary.hears('\x00\x02S1\x00\x02S2\x00\x02S3');
    const lines = await SoupStage.start();
    (await lines.loggedIn(lineLogin(1))).start.outlet.write([blockOf(1, 2), blockOf(3, 1)]);
    await lines.hears('S1\nS2\nS3\n');
  });

  it('is told nothing of what its protocol has no word for', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(lineLogin(1));
    start.outlet.send({ type: 'LIVE', log: 7, seq: 10 });
    start.outlet.write([blockOf(11, 1)]);
    await stage.hears('S11\n');
    expect(stage.heard).toBe('S11\n');
  });

  it('is sent what precedes a message that does not fit a packet, told why, and closed', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(binLogin(7));
    const large = sealBlock(7, 7, 1_000, [
      encodePayloads([Buffer.from('fits'), Buffer.alloc(65_535), Buffer.from('x')]),
    ]);
    start.outlet.write([large, blockOf(10, 1)]);
    const heard = await stage.heardToTheEnd();
    expect(heard.startsWith('\x00\x05Sfits')).toBe(true);
    expect(heard.slice(9)).toBe(
      '+ERR_NOT_CARRIED: SoupBinTCP 3.00 cannot carry message 8: its 65535 bytes exceed the 65534 that fit a packet; log in with 9 to go on behind it',
    );
    expect(start.outlet.hasRoom).toBe(false);
  });

  it('is told which messages are lost in the middle of its stream, and closed, since its count would be wrong', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(lineLogin(7));
    start.outlet.send({ type: 'LOST', log: 7, from: 8, to: 9, reason: 'corrupt' });
    start.outlet.write([blockOf(10, 1)]);
    expect(await stage.heardToTheEnd()).toBe(
      '+ERR_LOST: messages 8 to 9 are lost (corrupt); log in with 10 to go on behind them\n',
    );
  });

  it('is told when its subscription has failed, and closed', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(lineLogin(7));
    const failed = { code: 'ERR_REWIND_FAILED', message: 'cannot be read', remedy: 'retry' } as const;
    start.outlet.send({ type: 'UNSUBSCRIBED', log: 7, ...failed });
    expect(await stage.heardToTheEnd()).toBe('+ERR_REWIND_FAILED: cannot be read\n');
  });

  it.each([
    ['a type that no client sends', binPacket('S', 'x'), '+ERR_UNKNOWN_TYPE: '],
    ['a heartbeat with a payload', binPacket('R', 'x'), '+ERR_BAD_MESSAGE: a Client Heartbeat has no payload; found 1'],
    ['a length of 0', latin('\x00\x00'), '+ERR_BAD_FRAME: packet length is 0'],
  ])('is told why, and closed, after %s', async (_, bytes, text) => {
    const stage = await SoupStage.start();
    await stage.loggedIn(binLogin(1));
    stage.say(bytes);
    expect(debugOf(await stage.heardToTheEnd())).toContain(text);
  });

  it('may send debug packets, which change nothing', async () => {
    const stage = await SoupStage.start();
    await stage.loggedIn(binLogin(1));
    stage.say(Buffer.concat([binPacket('+', 'hello'), binPacket('U', 'x')]));
    await stage.hears('ERR_NOT_A_PUBLISHER');
    expect(stage.ended).toBe(false);
  });

  it('that logs out is closed without a word', async () => {
    const stage = await SoupStage.start();
    const subscription = await stage.loggedIn(binLogin(1));
    stage.say(binPacket('O'));
    expect(await stage.heardToTheEnd()).toBe('');
    stage.far.end();
    await until(() => stage.departures === 1, 'the departure');
    expect(subscription.stops).toBe(1);
  });

  it('that goes away takes its subscription along', async () => {
    const stage = await SoupStage.start();
    const subscription = await stage.loggedIn(binLogin(1));
    await stage.leave();
    expect(subscription.stops).toBe(1);
  });

  it('that cannot be told why it is closed, because it does not read, is cut', async () => {
    const stage = await SoupStage.start({ reading: false });
    stage.say(lineLogin(1));
    await until(() => stage.subscriptions.length === 1, 'the login');
    stage.client.fail(new SoupError('ERR_SHUTTING_DOWN', 'reconnect'));
    stage.pass(2_000);
    expect(stage.departures).toBe(0);
    stage.pass(1);
    await until(() => stage.departures === 1, 'the departure');
  });
});

describe('heartbeats', () => {
  it('are sent when nothing else was for a second, and not before', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(binLogin(1));
    stage.pass(heartbeatMs - 1);
    start.outlet.write([blockOf(1, 1)]);
    stage.pass(heartbeatMs - 1);
    await stage.hears('S1');
    expect(stage.heard).toBe('\x00\x02S1');
    stage.pass(1);
    await stage.hears('\x00\x01H');
  });

  it('of a client keep its connection open, and 15 seconds without any close it', async () => {
    const stage = await SoupStage.start();
    await stage.loggedIn(binLogin(1));
    stage.pass(silenceMs);
    stage.say(Buffer.concat([binPacket('R'), binPacket('U', 'x')]));
    await stage.hears('ERR_NOT_A_PUBLISHER');
    stage.heard = '';
    stage.pass(silenceMs);
    await turn();
    expect(stage.ended).toBe(false);
    stage.pass(1);
    expect(await stage.heardToTheEnd()).toContain('+ERR_SILENT: nothing heard for 15000 ms');
  });
});

describe('unsequenced data', () => {
  it('is refused in a debug packet while no input source takes it, and the connection goes on', async () => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(lineLogin(1));
    stage.say('Uone\nUtwo\n');
    const refusal = '+ERR_NOT_A_PUBLISHER: no input source takes Unsequenced Data here\n';
    await stage.hears(refusal + refusal);
    start.outlet.write([blockOf(1, 1)]);
    await stage.hears('S1\n');
  });

  it('goes to the input source one packet after the other', async () => {
    const taken: string[] = [];
    const gates = [deferred<void>(), deferred<void>()];
    const unsequenced = {
      take: (payload: Buffer, { user }: { user: string }) => {
        taken.push(`${user}: ${payload}`);
        return gates[taken.length - 1]!.promise;
      },
    };
    const stage = await SoupStage.start({ unsequenced });
    await stage.loggedIn(binLogin(1, '', 'alice'));
    stage.say(Buffer.concat([binPacket('U', 'one'), binPacket('U', 'two')]));
    await until(() => taken.length === 1, 'the first packet');
    await turn();
    expect(taken).toEqual(['alice: one']);
    gates[0]!.resolve();
    await until(() => taken.length === 2, 'the second packet');
    expect(taken[1]).toBe('alice: two');
    expect(stage.heard).toBe('');
  });

  it('that the input source refuses is answered with its reason', async () => {
    const take = () => Promise.reject(new ProtocolError('ERR_DISK_FULL', 'no room'));
    const stage = await SoupStage.start({ unsequenced: { take } });
    await stage.loggedIn(lineLogin(1));
    stage.say('Uone\nUtwo\n');
    await stage.hears('+ERR_DISK_FULL: no room\n+ERR_DISK_FULL: no room\n');
    expect(stage.ended).toBe(false);
  });

  it('of one who does not read the refusals is not read either', async () => {
    const stage = await SoupStage.start({ reading: false });
    stage.say(lineLogin(1));
    await until(() => stage.subscriptions.length === 1, 'the login');
    const flood = Buffer.from('U\n'.repeat(100_000));
    let written = 0;
    const pour = () => {
      while (stage.far.writableLength < 4 * flood.length && written < 400) {
        stage.far.write(flood);
        written += 1;
      }
    };
    const { outlet } = stage.subscriptions[0]!.start;
    await until(() => {
      pour();
      return outlet.queuedBytes > 1024 * 1024;
    }, 'its queue to be long');
    for (let count = 0; count < 20; count += 1) await turn();
    expect(outlet.queuedBytes).toBeLessThan(2 * 1024 * 1024);
    expect(outlet.hasRoom).toBe(false);
    stage.far.destroy();
  });
});
