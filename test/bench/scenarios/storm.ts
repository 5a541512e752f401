import { connect } from '../../../client/index.js';
import { Random } from '../../support/random.js';
import { latecomerDisk, startLatecomer } from '../contenders/latecomer.js';
import { SessionFixture } from '../fixtures/session-fixture.js';
import { pacedPublisher, rewinders } from '../load/run-worker.js';
import {
  expectCount,
  type Measurement,
  perSecond,
  type Row,
  type Scenario,
  type Size,
  type Sized,
} from './scenario.js';

const payloadBytes = 100;
const blockMessages = 500;
const logMessages: Sized = { quick: 10_000, full: 1_000_000 };
const crowd: Sized = { quick: 20, full: 1_000 };
const few: Sized = { quick: 5, full: 50 };
const live = { followers: 100, messagesPerSecond: 1_000 };
const liveMessages: Sized = { quick: 100, full: 6_000 };
const warmUpMessages: Sized = { quick: 50, full: 1_000 };
const seed = 6;

const fixture = new SessionFixture({ messages: logMessages, blockMessages, payloadBytes });

/** Where the joiners start, and whether they are waited for: else they are cut short when the live ones are done. */
interface Storm {
  positions: (size: Size) => number[];
  isWaitedFor: boolean;
}

const names = {
  calm: 'Latecomer, no storm',
  spread: 'Latecomer, at random positions',
  same: 'Latecomer, from the first message',
  whole: `Latecomer, ${few.full} from the first to the last`,
};

/** Late joiners, many at once, beside a live stream. The part of the log is the one that any of them got to. */
export const storm: Scenario = {
  name: 'storm',
  title: `Storm: ${crowd.full} late joiners beside ${live.messagesPerSecond} messages/s to ${live.followers} others`,
  figures: [
    { name: 'rewound', unit: 'messages/s' },
    { name: 'live p50', unit: 'ms', quantile: { samples: 'live', part: 0.5 } },
    { name: 'live p99', unit: 'ms', quantile: { samples: 'live', part: 0.99 } },
    { name: 'delivered', unit: '× the part of the log' },
    { name: 'read', unit: '× the part of the log' },
  ],
  rows: [
    row(names.calm, undefined),
    row(names.spread, { positions: spread, isWaitedFor: false }),
    row(names.same, { positions: (size) => Array<number>(crowd[size]).fill(1), isWaitedFor: false }),
    row(names.whole, { positions: (size) => Array<number>(few[size]).fill(1), isWaitedFor: true }),
  ],
  targets: [
    { figure: 'rewound', row: names.spread, atLeast: 1_000_000 },
    { figure: 'live p99', row: names.spread, against: names.calm, atMost: 2 },
    ...[names.same, names.whole].map((row) => ({ figure: 'read', row, atMost: 2 })),
  ],
};

function spread(size: Size): number[] {
  const random = new Random(seed);
  return Array.from({ length: crowd[size] }, () => random.integer(1, logMessages[size]));
}

function row(name: string, storm: Storm | undefined): Row {
  return {
    name,
    persists: latecomerDisk.persists,
    version: latecomerDisk.version,
    measure: async (size) => {
      const place = await fixture.copy(size);
      const server = await startLatecomer({ directory: place.directory });
      try {
        return storm ? await measureStorm(server.port, size, storm) : await measureCalm(server.port, size);
      } finally {
        await server.stop();
        await place.remove();
      }
    },
  };
}

async function measureCalm(port: number, size: Size): Promise<Measurement> {
  return { numbers: {}, samples: { live: await followLive(port, size) } };
}

async function measureStorm(port: number, size: Size, { positions: where, isWaitedFor }: Storm): Promise<Measurement> {
  const { dialect } = latecomerDisk;
  const positions = where(size);
  const lastSeq = logMessages[size];
  const readBefore = await bytesRead(port);
  const group = rewinders({ dialect, port, payloadBytes, positions, lastSeq });
  await group.ready;
  const latenciesMs = await followLive(port, size);
  if (size === 'full' && !isWaitedFor) group.stop();
  const report = await group.report;
  const readBytes = (await bytesRead(port)) - readBefore;
  if (size === 'quick' || isWaitedFor) {
    const wanted = positions.reduce((sum, position) => sum + lastSeq + 1 - position, 0);
    expectCount(report.messages, wanted);
  }
  const part = report.reachedSeq + 1 - Math.min(...positions);
  return {
    numbers: {
      rewound: perSecond(report.messages, report.endedMs - report.startedMs),
      delivered: report.messages / part,
      read: readBytes / (part * (payloadBytes + 2)),
    },
    samples: { live: latenciesMs },
  };
}

async function followLive(port: number, size: Size): Promise<Float64Array> {
  const messages = liveMessages[size];
  const pace = { ...live, messages, warmUpMessages: warmUpMessages[size] };
  const { latenciesMs } = await pacedPublisher({ dialect: latecomerDisk.dialect, port, payloadBytes, ...pace }).report;
  expectCount(latenciesMs.length, messages * live.followers);
  return latenciesMs;
}

/** What the storage has returned to those that read, as the server tells. */
async function bytesRead(port: number): Promise<number> {
  const client = await connect({ port });
  try {
    const { store } = (await client.inspect()) as { store: { bytesRead: number } };
    return store.bytesRead;
  } finally {
    await client.close();
  }
}
