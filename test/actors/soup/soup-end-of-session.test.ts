import { describe, expect, it } from 'vitest';
import { encodePayloads, sealBlock } from '../../../protocol/index.js';
import { soupLimits } from '../../../protocol/soup/index.js';
import { until } from '../../support/deadline.js';
import { binLogin, lineLogin } from '../../support/soup-client.js';
import { blockOf } from '../support.js';
import { SoupStage } from './soup-stage.js';

const { silenceMs } = soupLimits;

describe('a Soup client whose session ends', () => {
  it.each([
    ['SoupBinTCP', binLogin(1), '\x00\x01Z'],
    ['SoupTCP', lineLogin(1), 'S\n'],
  ])(
    'is told the end of the session behind its last message, and the connection is closed: %s',
    async (_, login, end) => {
      const stage = await SoupStage.start();
      const { start } = await stage.loggedIn(login);
      start.outlet.write([blockOf(1, 1)]);
      start.outlet.send({ type: 'END_OF_SESSION', log: 7, session: 'S1', lastSeq: 1, reason: 'done' });
      start.over();
      expect((await stage.heardToTheEnd()).endsWith(end)).toBe(true);
    },
  );

  it.each([
    ['by its roll', []],
    ['before', [{ type: 'SESSION_DISCARDED', log: 7, session: 'S1', reason: 'nonsense' } as const]],
  ])('is told once that the session is discarded, in front of its end: %s', async (_, before) => {
    const stage = await SoupStage.start();
    const { start } = await stage.loggedIn(lineLogin(1));
    for (const message of before) start.outlet.send(message);
    const mark = { discarded: true, discardReason: 'nonsense' };
    start.outlet.send({ type: 'END_OF_SESSION', log: 7, session: 'S1', lastSeq: 0, reason: 'done', ...mark });
    start.over();
    expect(await stage.heardToTheEnd()).toBe('+session S1 is discarded, it is not to be used: nonsense\nS\n');
  });

  it('has time to read the end of the session, as long as it takes some of it', async () => {
    const stage = await SoupStage.start({ reading: false });
    stage.say(binLogin(1));
    await until(() => stage.subscriptions.length === 1, 'the login');
    const { outlet } = stage.subscriptions[0]!.start;
    const message = sealBlock(7, 1, 1_000, [encodePayloads([Buffer.alloc(60_000, 'x')])]);
    // More than the system takes for one who does not read.
    for (let count = 0; count < 400; count += 1) outlet.write([message]);
    outlet.send({ type: 'END_OF_SESSION', log: 7, session: 'S1', lastSeq: 400, reason: 'done' });
    let heard = 0;
    stage.far.on('data', (chunk: Buffer) => {
      heard += chunk.length;
      stage.far.pause();
    });
    while (outlet.queuedBytes > 0) {
      const before = outlet.queuedBytes;
      await until(() => {
        stage.far.resume();
        return outlet.queuedBytes < before;
      }, 'some of it to be taken');
      stage.pass(silenceMs);
    }
    stage.far.removeAllListeners('data').on('data', (chunk: Buffer) => {
      heard += chunk.length;
    });
    stage.far.resume();
    await until(() => stage.ended, 'the end');
    const accepted = 33;
    expect(heard).toBe(accepted + 400 * 60_003 + 3);
    expect(stage.departures).toBe(0);
    stage.pass(silenceMs + 1);
    await until(() => stage.departures === 1, 'the departure of one who does not close');
  });
});
