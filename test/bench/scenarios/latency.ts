import type { Contender } from '../contenders/contender.js';
import { latecomerDisk, latecomerOs } from '../contenders/latecomer.js';
import { natsCore } from '../contenders/nats.js';
import { redisPubSub } from '../contenders/redis.js';
import { pacedPublisher } from '../load/run-worker.js';
import { syncLatency } from './plain.js';
import { type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 100;
const subscribers = 100;
const messagesPerSecond = 500;
const messages: Sized = { quick: 100, full: 4_000 };
const warmUpMessages: Sized = { quick: 100, full: 1_500 };

const figures = [
  { name: 'p50', unit: 'ms', quantile: { samples: 'latency', part: 0.5 } },
  { name: 'p99', unit: 'ms', quantile: { samples: 'latency', part: 0.99 } },
  { name: 'p99.9', unit: 'ms', quantile: { samples: 'latency', part: 0.999 } },
] as const;

/** From publish to each subscriber, at a pace everybody keeps up with, after a warm-up of three seconds. */
export const latencies: Scenario = {
  name: 'latency',
  title: `Latency at ${messagesPerSecond} messages/s to ${subscribers} subscribers`,
  figures,
  rows: [
    paced(latecomerDisk),
    paced(latecomerOs),
    paced(natsCore),
    paced(redisPubSub),
    syncLatency({ syncs: { quick: 100, full: 2_000 }, bytes: payloadBytes }),
  ],
  targets: ['p50', 'p99'].flatMap((figure) => [
    { figure, row: latecomerOs.name, against: natsCore.name, atMost: 1 },
    { figure, row: latecomerDisk.name, against: natsCore.name, plus: syncLatency.rowName, atMost: 1 },
  ]),
};

function paced(contender: Contender): Row {
  return rowOf(contender, async ({ port }, size) => {
    const { latenciesMs } = await pacedPublisher({
      dialect: contender.dialect,
      port,
      followers: subscribers,
      messages: messages[size],
      warmUpMessages: warmUpMessages[size],
      messagesPerSecond,
      payloadBytes,
    }).report;
    return { numbers: {}, samples: { latency: latenciesMs } };
  });
}
