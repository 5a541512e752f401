import { blockKey, blocksEnd } from '../../../storage/keys.js';
import { entries, openLevel } from '../../../storage/level.js';
import type { Contender } from '../contenders/contender.js';
import { latecomerDisk, startLatecomer } from '../contenders/latecomer.js';
import { natsJetStream } from '../contenders/nats.js';
import { startPlainServer } from '../contenders/plain-socket.js';
import { redisStreams } from '../contenders/redis.js';
import { SessionFixture } from '../fixtures/session-fixture.js';
import { followers, publishers } from '../load/run-worker.js';
import { expectCount, type Measurement, perSecond, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 100;
/** The one log of a fixture. */
const log = 1;
const messages: Sized = { quick: 20_000, full: 2_000_000 };
const blockSizes = [500, 1];
const fixtures = blockSizes.map((blockMessages) => ({
  blockMessages,
  session: new SessionFixture({ messages, blockMessages, payloadBytes }),
}));
type Fixture = (typeof fixtures)[number];

/**
 * One late joiner that wants everything. Servers that were published to are read from right after; ours is also started
 * anew on a log it has not read from. What the operating system holds of the files is as warm for all: just written.
 */
export const catchUps: readonly Scenario[] = [
  {
    name: 'catch-up',
    title: 'Catch-up of one late joiner, from the first message',
    figures: [
      { name: 'received', unit: 'messages/s' },
      { name: 'volume', unit: 'MB/s' },
    ],
    rows: [
      published(latecomerDisk, 500, messages),
      ...fixtures.map(onDisk),
      published(natsJetStream, 500, { quick: 10_000, full: 500_000 }),
      published(redisStreams, 500, { quick: 10_000, full: 1_000_000 }),
      ...fixtures.map(levelRead),
      ...blockSizes.map(plainSocket),
    ],
    targets: [
      { row: latecomerDisk.name, blockMessages: 500 },
      ...blockSizes.map((blockMessages) => ({ row: onDiskName(blockMessages), blockMessages })),
    ].flatMap(({ row, blockMessages }) => [
      { figure: 'received', row, against: natsJetStream.name, atLeast: 10 },
      { figure: 'received', row, against: redisStreams.name, atLeast: 10 },
      { figure: 'received', row, against: plainName(blockMessages), atLeast: 0.5 },
    ]),
  },
];

/** What was published to a server is read from it. */
function published(contender: Contender, batch: number, sizes: Sized): Row {
  return rowOf(contender, async (server, size) => {
    const { dialect } = contender;
    const publishes = Math.ceil(sizes[size] / batch);
    await publishers({ dialect, port: server.port, publishers: 1, publishes, batch, payloadBytes, inFlight: 1 });
    return readAll(contender, server, publishes * batch);
  });
}

/** A server started on a log that is there: in blocks of one message it has been coalesced, as it is in the background. */
function onDisk({ blockMessages, session }: Fixture): Row {
  const started: Contender = {
    ...latecomerDisk,
    start: async (size) => startLatecomer({ directory: await session.directory(size) }),
  };
  return rowOf(started, (server, size) => readAll(started, server, messages[size]), onDiskName(blockMessages));
}

/** What the database gives of the same session, read from front to back: nothing is verified, nobody is told. */
function levelRead({ blockMessages, session }: Fixture): Row {
  return {
    name: `LevelDB alone, ${inBlocks(blockMessages)}`,
    persists: 'read only: no server and no network',
    version: () => '',
    measure: async (size) => {
      const level = await openLevel(await session.directory(size));
      try {
        const startedMs = performance.now();
        let bytes = 0;
        for await (const [, value] of entries(level, { gte: blockKey(log, 0), lt: blocksEnd(log) }))
          bytes += value.length;
        if (bytes < messages[size] * payloadBytes) throw new Error(`the fixture holds no more than ${bytes} bytes`);
        return { numbers: rates(messages[size], performance.now() - startedMs) };
      } finally {
        await level.close();
      }
    },
  };
}

/** The same bytes from memory. */
function plainSocket(blockMessages: number): Row {
  const plain: Contender = {
    name: plainName(blockMessages),
    persists: 'nothing: the same bytes, from memory',
    dialect: 'latecomer',
    version: () => '',
    start: (size) => startPlainServer({ messages: messages[size], blockMessages, payloadBytes }),
  };
  return rowOf(plain, (server, size) => readAll(plain, server, messages[size]));
}

async function readAll({ dialect }: Contender, { port }: { port: number }, count: number): Promise<Measurement> {
  const report = await followers({ dialect, port, followers: 1, from: 1, messages: count, payloadBytes }).report;
  expectCount(report.messages, count);
  return { numbers: rates(count, report.endedMs - report.startedMs) };
}

function rates(count: number, elapsedMs: number): { received: number; volume: number } {
  return { received: perSecond(count, elapsedMs), volume: (count * payloadBytes) / elapsedMs / 1_000 };
}

function onDiskName(blockMessages: number): string {
  return `Latecomer, started on ${inBlocks(blockMessages)}`;
}

function plainName(blockMessages: number): string {
  return `plain socket.write, ${inBlocks(blockMessages)}`;
}

function inBlocks(blockMessages: number): string {
  return blockMessages === 1 ? 'one-message blocks' : `blocks of ${blockMessages}`;
}
