import type { Contender } from '../contenders/contender.js';
import { latecomerDisk } from '../contenders/latecomer.js';
import { natsJetStream } from '../contenders/nats.js';
import { redisStreams } from '../contenders/redis.js';
import { followers, publishers } from '../load/run-worker.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 100;

/** One late joiner that wants everything. */
export const catchUps: readonly Scenario[] = [
  {
    name: 'catch-up',
    title: 'Catch-up of one late joiner, from the first message',
    figures: [
      { name: 'received', unit: 'messages/s' },
      { name: 'volume', unit: 'MB/s' },
    ],
    rows: [
      published(latecomerDisk, 500, { quick: 50_000, full: 2_000_000 }),
      published(natsJetStream, 500, { quick: 10_000, full: 500_000 }),
      published(redisStreams, 500, { quick: 10_000, full: 1_000_000 }),
    ],
    targets: [natsJetStream, redisStreams].map(({ name }) => ({
      figure: 'received',
      row: latecomerDisk.name,
      against: name,
      atLeast: 10,
    })),
  },
];

/** What was published to a server is read from it. */
function published(contender: Contender, batch: number, sizes: Sized): Row {
  return rowOf(contender, async ({ port }, size) => {
    const { dialect } = contender;
    const publishes = Math.ceil(sizes[size] / batch);
    await publishers({ dialect, port, publishers: 1, publishes, batch, payloadBytes, inFlight: 1 });
    const messages = publishes * batch;
    const report = await followers({ dialect, port, followers: 1, from: 1, messages, payloadBytes }).report;
    expectCount(report.messages, messages);
    const elapsedMs = report.endedMs - report.startedMs;
    return {
      numbers: { received: perSecond(messages, elapsedMs), volume: (messages * payloadBytes) / elapsedMs / 1_000 },
    };
  });
}
