import type { Contender } from '../contenders/contender.js';
import { latecomerDisk } from '../contenders/latecomer.js';
import { natsJetStream } from '../contenders/nats.js';
import { redisStreamsSynced } from '../contenders/redis.js';
import { publishers } from '../load/run-worker.js';
import { levelAlone } from './plain.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 128;
const inFlight = 64;

const figures = [
  { name: 'acknowledged', unit: 'messages/s' },
  { name: 'p50', unit: 'ms', quantile: { samples: 'latency', part: 0.5 } },
  { name: 'p99', unit: 'ms', quantile: { samples: 'latency', part: 0.99 } },
] as const;

/**
 * Publishers that wait for acknowledgements, with 64 publishes in flight each. A peer's publish is one message: that is
 * its row to compare with. Where ours carry 64, another row lets the peer have as many messages in flight.
 */
export const acknowledgements: readonly Scenario[] = [
  scenario(1, 1, 0.8, { quick: 2_000, full: 150_000 }),
  scenario(16, 1, 2, { quick: 3_200, full: 300_000 }),
  scenario(128, 1, 2, { quick: 6_400, full: 400_000 }),
  scenario(1, 64, 5, { quick: 200, full: 20_000 }),
  scenario(16, 64, 5, { quick: 320, full: 32_000 }),
  scenario(128, 64, 5, { quick: 640, full: 38_400 }),
];

function scenario(count: number, batch: number, atLeast: number, publishes: Sized): Scenario {
  const single = batch === 1 ? publishes : { quick: 6_400, full: 300_000 };
  const ours = acknowledged(latecomerDisk, count, batch, publishes);
  const peers = [natsJetStream, redisStreamsSynced].map((peer) => acknowledged(peer, count, 1, single));
  const widened = batch === 1 ? [] : [acknowledged(natsJetStream, count, batch, publishes)];
  const inFlightBytes = count * batch * inFlight * payloadBytes;
  const limit = levelAlone({ quick: 1_000_000, full: 100_000_000 }, inFlightBytes, (bytes, elapsedMs) => ({
    acknowledged: perSecond(bytes / payloadBytes, elapsedMs),
  }));
  const each = batch === 1 ? 'one message' : `${batch} messages`;
  return {
    name: `acknowledged-${count}-${batch}`,
    title: `Publishing acknowledged: ${count} publisher${count === 1 ? '' : 's'}, ${each} a publish, ${inFlight} publishes in flight each`,
    figures,
    rows: [ours, ...peers, ...widened, limit],
    targets: [{ figure: 'acknowledged', row: ours.name, against: peers[0]!.name, atLeast }],
  };
}

function acknowledged(contender: Contender, count: number, batch: number, sizes: Sized): Row {
  const measure = async (port: number, publishes: number) => {
    const load = { dialect: contender.dialect, port, publishers: count, publishes, batch, payloadBytes, inFlight };
    const report = await publishers(load);
    expectCount(report.messages, publishes * count * batch);
    return {
      numbers: { acknowledged: perSecond(report.messages, report.endedMs - report.startedMs) },
      samples: { latency: report.latenciesMs },
    };
  };
  const name = `${contender.name}, ${inFlight * batch} messages in flight`;
  return rowOf(contender, ({ port }, size) => measure(port, Math.ceil(sizes[size] / count)), name);
}
