import type { Contender } from '../contenders/contender.js';
import { latecomerDisk } from '../contenders/latecomer.js';
import { natsJetStream } from '../contenders/nats.js';
import { redisStreamsSynced } from '../contenders/redis.js';
import { publishers } from '../load/run-worker.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 128;
const inFlight = 64;

const figures = [
  { name: 'acknowledged', unit: 'messages/s' },
  { name: 'p50', unit: 'ms', quantile: { samples: 'latency', part: 0.5 } },
  { name: 'p99', unit: 'ms', quantile: { samples: 'latency', part: 0.99 } },
] as const;

/** Publishers that wait for acknowledgements. A publish of 64 messages is 64 publishes where the protocol has no other. */
export const acknowledgements: readonly Scenario[] = [
  scenario(1, 1, 0.8, { quick: 2_000, full: 150_000 }),
  scenario(16, 1, 2, { quick: 3_200, full: 300_000 }),
  scenario(128, 1, 2, { quick: 6_400, full: 400_000 }),
  scenario(1, 64, 5, { quick: 200, full: 15_000 }),
  scenario(16, 64, 5, { quick: 320, full: 20_000 }),
  scenario(128, 64, 5, { quick: 640, full: 25_600 }),
];

function scenario(count: number, batch: number, atLeast: number, publishes: Sized): Scenario {
  const each = batch === 1 ? 'one message' : `${batch} messages`;
  return {
    name: `acknowledged-${count}-${batch}`,
    title: `Publishing acknowledged, ${count} publisher${count === 1 ? '' : 's'}, ${each} a publish, ${inFlight} in flight each`,
    figures,
    rows: [latecomerDisk, natsJetStream, redisStreamsSynced].map((one) => acknowledged(one, count, batch, publishes)),
    targets: [{ figure: 'acknowledged', row: latecomerDisk.name, against: natsJetStream.name, atLeast }],
  };
}

function acknowledged(contender: Contender, count: number, batch: number, sizes: Sized): Row {
  return rowOf(contender, async ({ port }, size) => {
    const publishes = Math.ceil(sizes[size] / count);
    const load = { dialect: contender.dialect, port, publishers: count, publishes, batch, payloadBytes, inFlight };
    const report = await publishers(load);
    expectCount(report.messages, publishes * count * batch);
    return {
      numbers: { acknowledged: perSecond(report.messages, report.endedMs - report.startedMs) },
      samples: { latency: report.latenciesMs },
    };
  });
}
