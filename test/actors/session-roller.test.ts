import { describe, expect, it, onTestFinished } from 'vitest';
import type { Ref } from '../../actors/runtime/index.js';
import SessionActor from '../../actors/session.js';
import { type CalendarSettings, SessionCalendar } from '../../actors/session-calendar.js';
import SessionRollerActor from '../../actors/session-roller.js';
import { Store } from '../../storage/index.js';
import { until } from '../support/deadline.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { startSystem } from './actor-system.js';
import { silent } from './support.js';

const ask = { timeoutMs: 5_000 };

/** A clock that stands still until it is put, and the naps that are taken by it. */
class Clock {
  #ms: number;
  #naps: { at: number; run: () => void }[] = [];

  constructor(iso: string) {
    this.#ms = Date.parse(iso);
  }

  readonly now = (): number => this.#ms;

  readonly schedule = (ms: number, run: () => void): (() => void) => {
    const nap = { at: this.#ms + ms, run };
    this.#naps.push(nap);
    return () => {
      this.#naps = this.#naps.filter((other) => other !== nap);
    };
  };

  /** Nobody who naps notices. */
  set(iso: string): void {
    this.#ms = Date.parse(iso);
  }

  /** Move on, waking whoever naps at the time set. */
  async to(iso: string): Promise<void> {
    const end = Date.parse(iso);
    for (;;) {
      await until(() => this.#naps.length > 0, 'the next nap');
      const nap = this.#naps[0]!;
      if (nap.at > end) break;
      this.#naps.shift();
      this.#ms = nap.at;
      nap.run();
    }
    this.#ms = end;
  }
}

/** A roller and the Session of each source, on a store of its own. */
async function start(clock: Clock, settings: CalendarSettings = { timeZone: 'UTC' }) {
  const { directory, remove } = await temporaryDirectory();
  const opened = { directory, durability: 'os', clock: clock.now, logger: silent, diskReserveBytes: 0 } as const;
  const store = await Store.open(opened);
  onTestFinished(async () => {
    await store.close();
    await remove();
  });
  const calendar = new SessionCalendar(clock.now, settings);
  const system = await startSystem();
  const roller = await system.spawn(
    { actor: SessionRollerActor },
    { name: 'SessionRoller', parameters: { store, calendar, schedule: clock.schedule } },
  );
  const serve = async (source = 'main') => {
    const log = await roller.ask('open', { source }, ask);
    const parameters = { store, log, calendar, publishBytesMax: 1024 * 1024, clock: clock.now };
    const session = await system.spawn({ actor: SessionActor }, { name: `Session of ${source}`, parameters });
    await roller.ask('serve', { source, session }, ask);
    return session;
  };
  const names = (source = 'main') => store.sessions(source).map(({ session }) => session);
  const roll = (more: { session?: string; discard?: boolean } = {}) =>
    roller.ask('roll', { source: 'main', reason: 'asked for', ...more }, ask);
  return { store, roller, serve, names, roll };
}

describe('the session roller', () => {
  it('creates a session when none is active, and leaves one that is', async () => {
    const { store, serve, roller, names } = await start(new Clock('2030-01-09T12:00:00Z'));
    await serve();
    const log = await roller.ask('open', { source: 'main' }, ask);
    expect(log).toBe(store.activeSession('main'));
    expect(names()).toEqual(['2030010901']);
  });

  it('rolls on command, and names the sessions of one second NN and NN + 1', async () => {
    const { serve, roll, store, names } = await start(new Clock('2030-01-09T12:00:00Z'));
    await serve();
    const [first, second] = await Promise.all([roll(), roll({ discard: true })]);
    expect([first.ended?.session, first.opened.session]).toEqual(['2030010901', '2030010902']);
    expect([second.ended?.session, second.opened.session]).toEqual(['2030010902', '2030010903']);
    expect(names()).toEqual(['2030010901', '2030010902', '2030010903']);
    expect(store.sessions('main')).toMatchObject([
      { state: 'ended', reason: 'asked for', next: '2030010902' },
      { state: 'ended', discarded: true, next: '2030010903' },
      { state: 'active' },
    ]);
  });

  it('answers a roll of a session that has been rolled with what that did', async () => {
    const { serve, roll, names, roller } = await start(new Clock('2030-01-09T12:00:00Z'));
    await serve();
    const first = await roll({ session: '2030010901' });
    const again = await roll({ session: 'S01' });
    expect(again).toEqual(first);
    const endOfDay = { source: 'main', session: '2030010901', reason: 'end of day' };
    expect(await roller.ask('endOfDay', endOfDay, ask)).toEqual(first);
    expect(names()).toHaveLength(2);
    await expect(roll({ session: '2030010977' })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
    await expect(roller.ask('roll', { source: 'other', reason: 'why' }, ask)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_SOURCE',
    });
  });

  it('refuses the hundredth session of a day; the 99th goes on, and the next day is as good as ever', async () => {
    const clock = new Clock('2030-01-09T12:00:00Z');
    const { store, serve, roll, names } = await start(clock);
    await store.rollSession(await store.createSession('main', '2030010901'), { session: '2030010999', reason: 'many' });
    const session = await serve();
    await expect(roll()).rejects.toMatchObject({ code: 'ERR_TOO_MANY_SESSIONS' });
    const published = await session.ask('publish', { payloads: [Buffer.from('x')] }, ask);
    expect(published.session).toBe('2030010999');
    clock.set('2030-01-10T00:00:00Z');
    await roll();
    expect(names()).toEqual(['2030010901', '2030010999', '2030011001']);
  });

  it('rolls every source at midnight of its time zone, and names the sessions by the new date', async () => {
    const clock = new Clock('2030-01-09T12:00:00Z');
    const { serve, names, store } = await start(clock, { timeZone: 'Asia/Tokyo', rollAt: '00:00' });
    await Promise.all([serve(), serve('other')]);
    await clock.to('2030-01-09T14:59:59.999Z');
    expect([names(), names('other')]).toEqual([['2030010901'], ['2030010901']]);
    await clock.to('2030-01-09T15:00:00.000Z');
    await until(() => names().length + names('other').length === 4, 'both rolls');
    expect([names(), names('other')]).toEqual([
      ['2030010901', '2030011001'],
      ['2030010901', '2030011001'],
    ]);
    expect(store.sessions('main')[0]).toMatchObject({
      endedMs: Date.parse('2030-01-09T15:00:00Z'),
      reason: 'daily roll at 00:00 Asia/Tokyo',
    });
  });

  it.each([
    ['forward', '2030-03-30T12:00:00Z', ['2030-03-30T16:00:00.000Z', '2030-03-31T15:00:00.000Z']],
    ['back', '2030-10-26T12:00:00Z', ['2030-10-26T15:00:00.000Z', '2030-10-27T16:00:00.000Z']],
  ])('rolls once a day at the time on the wall when the clock is put %s', async (_way, from, ends) => {
    const clock = new Clock(from);
    const { serve, store } = await start(clock, { timeZone: 'Europe/Berlin', rollAt: '17:00' });
    await serve();
    for (const [index, end] of ends.entries()) {
      await clock.to(end);
      await until(() => store.sessions('main').length === index + 2, `the roll of ${end}`);
    }
    const ended = store.sessions('main').slice(0, -1);
    expect(ended.map(({ endedMs }) => new Date(endedMs!).toISOString())).toEqual(ends);
  });

  it('rolls what became due while the server was down before it serves it', async () => {
    const clock = new Clock('2030-01-09T16:50:00Z');
    const { store, serve, names } = await start(clock, { timeZone: 'UTC', rollAt: '17:00' });
    await store.createSession('main', '2030010901');
    clock.set('2030-01-09T17:10:00Z');
    await serve();
    expect(names()).toEqual(['2030010901', '2030010902']);
    await serve();
    expect(names()).toHaveLength(2);
  });

  it('tries again when a roll that is due has failed', async () => {
    const clock = new Clock('2030-01-09T12:00:00Z');
    const { roller, store, names } = await start(clock, { timeZone: 'UTC', rollAt: '17:00' });
    await roller.ask('open', { source: 'main' }, ask);
    let attempts = 0;
    const session = {
      ask: async (_topic: string, roll: { session: string; reason: string }) => {
        attempts += 1;
        if (attempts === 1) throw new Error('no disk');
        await store.rollSession(store.activeSession('main')!, roll);
      },
    };
    await roller.ask('serve', { source: 'main', session: session as unknown as Ref<never> }, ask);
    await clock.to('2030-01-09T17:01:00Z');
    await until(() => names().length === 2, 'the roll');
    expect(attempts).toBe(2);
  });

  it('takes no nap when nothing is rolled by the clock', async () => {
    const clock = new Clock('2030-01-09T12:00:00Z');
    let naps = 0;
    const counted = Object.assign(clock, {
      schedule: () => {
        naps += 1;
        return () => {};
      },
    });
    const { serve } = await start(counted);
    await serve();
    expect(naps).toBe(0);
  });
});
