import { describe, expect, it } from 'vitest';
import type { SubscribeBody } from '../../protocol/index.js';
import type { Page } from '../../storage/index.js';
import { Random } from '../support/random.js';
import { Feeder } from './feeder.js';
import { Progress } from './progress.js';
import { Reader } from './reader.js';
import { type Front, type ServerUnderTest, startServerUnderTest } from './server-under-test.js';

const liveCount = 50;
const lateCount = 200;
/** Messages that are in the log before the first late joiner, and all in all. */
const preloaded = 15_000;
const total = 40_000;
/** A read that fails is a rewind that crashes; so rarely that eleven crashes of one rewind, its end, do not come up. */
const crashChance = 0.1;

/** How fast it goes, and how much of it is held in memory. */
interface Load {
  perSecond: number;
  ringBytesMax: number;
  /** Whether those who are live from the start have to stay it. */
  liveStayLive: boolean;
}

/** A ring of half a second: most late joiners have to be served from the log, page by page. */
const steady: Load = { perSecond: 5_000, ringBytesMax: 512 * 1024, liveStayLive: true };
/** A ring of about two publishes: everybody falls out of it now and then, and has to find back. */
const overwhelming: Load = { perSecond: 50_000, ringBytesMax: 4 * 1024, liveStayLive: false };

/** What becomes of one late joiner. */
interface Plan {
  reader: Reader;
  /** It joins when this message was acknowledged. */
  joinAt: number;
  asked: Asked;
  /** It stops reading at its first block, until this message was acknowledged. */
  stallUntil?: number;
  /** It unsubscribes when this message was acknowledged. */
  leaveAt?: number;
}

type Asked = Omit<SubscribeBody, 'request'>;

function whatToAsk(random: Random, acknowledged: number): Asked {
  const from = random.integer(1, acknowledged);
  const beyond = acknowledged + random.integer(1, 2_000);
  const wishes: Asked[] = [
    { from },
    { from },
    { from },
    { from: 0 },
    {},
    { from: acknowledged },
    { from: beyond, wait: true },
  ];
  return random.pick(wishes);
}

function planOf(random: Random, number: number, moved: () => void): Plan {
  const joinAt = random.integer(preloaded, total - 2_500);
  const asked = whatToAsk(random, joinAt);
  const reader = new Reader(`late ${number} from ${asked.from}`, asked, moved);
  const plan: Plan = { reader, joinAt, asked };
  if (random.chance(0.1)) plan.stallUntil = random.integer(joinAt, total - 1_000);
  if (random.chance(0.1)) plan.leaveAt = random.integer(joinAt, total - 1_000);
  return plan;
}

/** Do everything that is due by now; each thing once. */
function advance(plan: Plan, acknowledged: number, port: number, joining: Set<Promise<void>>): void {
  const { reader } = plan;
  if (acknowledged >= plan.joinAt) {
    plan.joinAt = Number.POSITIVE_INFINITY;
    joining.add(reader.join(port));
  }
  if (plan.stallUntil !== undefined && reader.next > reader.from) {
    if (acknowledged < plan.stallUntil) return reader.pause();
    delete plan.stallUntil;
    reader.resume();
  }
  if (plan.leaveAt !== undefined && reader.from > 0 && acknowledged >= plan.leaveAt) {
    delete plan.leaveAt;
    reader.unsubscribe();
  }
}

/** Reads that fail now and then: before anything was read, or with the page in hand. */
class CrashingReads {
  reads = 0;
  crashed = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  readonly read = async (page: () => Promise<Page>): Promise<Page> => {
    this.reads += 1;
    const crash = this.#random.chance(crashChance);
    const late = this.#random.chance(0.5);
    if (!crash) return page();
    this.crashed += 1;
    if (late) await page();
    throw new Error(`this rewind crashes ${late ? 'with the page in its hands' : 'before it reads'}`);
  };
}

async function simulate(front: Front, { perSecond, ringBytesMax, liveStayLive }: Load): Promise<void> {
  const config = { ringBytesMax, pageCacheBytesMax: 512 * 1024 };
  const random = new Random();
  console.log(`late joiners, ${front}: SEED=${random.seed}`);
  const crashes = new CrashingReads(random.fork());
  const plans = random.fork();
  const server: ServerUnderTest = await startServerUnderTest(front, config, crashes.read);
  const progress = new Progress();
  const moved = () => progress.moved();
  const feeder = new Feeder(moved);
  const live = Array.from({ length: liveCount }, (_, index) => new Reader(`live ${index + 1}`, {}, moved));
  const late = Array.from({ length: lateCount }, (_, index) => planOf(plans, index + 1, moved));
  const readers = [...live, ...late.map(({ reader }) => reader)];
  const joining = new Set<Promise<void>>();
  const fail = () => {
    for (const { failure } of [...readers, feeder]) if (failure) throw failure;
  };
  try {
    await Promise.all(live.map((reader) => reader.join(server.port)));
    await progress.until('the live ones have joined', () => live.every(({ livesTold }) => livesTold === 1), fail);
    await feeder.login(server.port);
    feeder.publish(preloaded, 50_000);
    await progress.until('the log is there', () => feeder.acknowledged === preloaded, fail);
    feeder.publish(total, perSecond);
    await progress.until(
      'everything was delivered',
      () => {
        for (const plan of late) advance(plan, feeder.acknowledged, server.port, joining);
        return feeder.acknowledged === total && readers.every((reader) => reader.left || reader.next > total);
      },
      fail,
    );
    await Promise.all(joining);

    expect(readers.filter(({ left }) => !left).every(({ next }) => next === total + 1)).toBe(true);
    expect(late.filter(({ reader, asked }) => asked.from && reader.from !== asked.from)).toEqual([]);
    if (liveStayLive) await expectNoBreak(live, server);
    expect(crashes.crashed).toBeGreaterThan(0);
    console.log(`late joiners, ${front}: ${crashes.reads} pages asked for, ${crashes.crashed} crashes`);
  } finally {
    feeder.close();
    for (const reader of readers) reader.close();
    await server.stop();
  }
}

/** They were told once that they are live, and never had a rewind. */
async function expectNoBreak(live: Reader[], server: ServerUnderTest): Promise<void> {
  expect(live.map(({ from, next, livesTold }) => ({ from, next, livesTold }))).toEqual(
    live.map(() => ({ from: 1, next: total + 1, livesTold: 1 })),
  );
  const [edge] = await server.inspect();
  const lines = edge!.subscriptions.filter(({ client }) => client.startsWith('live'));
  expect(lines.map(({ state, rewindRestarts }) => [state, rewindRestarts])).toEqual(live.map(() => ['live', 0]));
}

describe('late joiners at random numbers and times, while rewinds crash,', () => {
  it.each<Front>(['one process', 'an edge'])('see no gap and no duplicate, and the live ones no break: %s', (front) =>
    simulate(front, steady),
  );

  it.each<Front>(['one process', 'an edge'])('find back without gap or duplicate from a ring too small: %s', (front) =>
    simulate(front, overwhelming),
  );
});
