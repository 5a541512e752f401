import type { Contender } from '../contenders/contender.js';
import { latecomerDisk } from '../contenders/latecomer.js';
import { natsCore } from '../contenders/nats.js';
import { redisPubSub } from '../contenders/redis.js';
import { pacedPublisher } from '../load/run-worker.js';
import { type Row, rowOf, type Scenario } from './scenario.js';

const payloadBytes = 100;
const subscribers = 100;
const secondsEach = 2;
const paces = [500, 1_000, 2_000, 5_000, 10_000, 20_000];

/** How latency grows with the load, which is what the chart draws. */
export const pace: Scenario = {
  name: 'pace',
  title: `Latency as the load grows, ${subscribers} subscribers, one message a publish`,
  figures: [
    { name: 'offered', unit: 'messages/s' },
    { name: 'p50', unit: 'ms', quantile: { samples: 'latency', part: 0.5 } },
    { name: 'p99', unit: 'ms', quantile: { samples: 'latency', part: 0.99 } },
  ],
  rows: paces.flatMap((messagesPerSecond) =>
    [latecomerDisk, natsCore, redisPubSub].map((contender) => paced(contender, messagesPerSecond)),
  ),
  targets: [],
};

function paced(contender: Contender, messagesPerSecond: number): Row {
  const { dialect } = contender;
  const measure = async (port: number, messages: number) => {
    const load = { dialect, port, followers: subscribers, messages, messagesPerSecond, payloadBytes };
    const { latenciesMs } = await pacedPublisher({ ...load, warmUpMessages: messages / 2 }).report;
    return { numbers: { offered: messagesPerSecond }, samples: { latency: latenciesMs } };
  };
  const messages = { quick: 100, full: messagesPerSecond * secondsEach };
  const name = `${contender.name} at ${messagesPerSecond.toLocaleString('en-US')}/s`;
  return rowOf(contender, ({ port }, size) => measure(port, messages[size]), name);
}
