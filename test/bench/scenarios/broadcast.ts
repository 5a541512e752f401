import type { Contender } from '../contenders/contender.js';
import { latecomerDisk, latecomerEdges, latecomerOs } from '../contenders/latecomer.js';
import { natsCore, natsJetStream } from '../contenders/nats.js';
import { redisPubSub } from '../contenders/redis.js';
import { followers, publishers } from '../load/run-worker.js';
import { levelAlone, writeAndSync } from './plain.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Sized, type Target } from './scenario.js';

const payloadBytes = 100;
/** What a publisher keeps on its way, whoever it publishes to: the server should never wait for it. */
const inFlightBytes = 512 * 1024;
const inFlightMax = 4_000;

const figures = [
  { name: 'delivered', unit: 'messages/s' },
  { name: 'published', unit: 'messages/s' },
  { name: 'volume', unit: 'MB/s' },
  { name: 'fell behind', unit: 'subscribers' },
] as const;

/** One publisher as fast as it goes, not throttled by the subscribers. */
export const broadcasts: readonly Scenario[] = [
  {
    name: 'broadcast-100',
    title: 'Broadcast to 100 subscribers',
    figures,
    rows: [
      broadcast(latecomerDisk, 100, 500, { quick: 20_000, full: 1_000_000 }),
      broadcast(latecomerDisk, 100, 64, { quick: 20_000, full: 1_000_000 }),
      broadcast(latecomerDisk, 100, 1, { quick: 5_000, full: 300_000 }),
      broadcast(natsCore, 100, 64, { quick: 5_000, full: 150_000 }),
      broadcast(redisPubSub, 100, 64, { quick: 5_000, full: 150_000 }),
    ],
    targets: [500, 64, 1].flatMap((batch) => [
      { ...faster(latecomerDisk, batch, natsCore, 64), atLeast: 6 },
      { ...faster(latecomerDisk, batch, redisPubSub, 64), atLeast: 4 },
    ]),
  },
  {
    name: 'broadcast-1000',
    title: 'Broadcast to 1000 subscribers',
    figures,
    rows: [
      broadcast(latecomerDisk, 1_000, 500, { quick: 2_000, full: 150_000 }),
      broadcast(latecomerDisk, 1_000, 1, { quick: 1_000, full: 100_000 }),
      broadcast(natsCore, 1_000, 64, { quick: 640, full: 15_000 }),
    ],
    targets: [500, 1].map((batch) => ({ ...faster(latecomerDisk, batch, natsCore, 64), atLeast: 6 })),
  },
  {
    name: 'broadcast-1',
    title: 'Broadcast to one subscriber',
    figures,
    rows: [
      broadcast(latecomerDisk, 1, 500, { quick: 50_000, full: 4_000_000 }),
      broadcast(latecomerOs, 1, 500, { quick: 50_000, full: 4_000_000 }),
      broadcast(natsCore, 1, 64, { quick: 50_000, full: 4_000_000 }),
      broadcast(natsJetStream, 1, 64, { quick: 5_000, full: 300_000 }),
      writeAndSync({ messages: { quick: 50_000, full: 4_000_000 }, payloadBytes }),
      levelAlone({ quick: 5_000_000, full: 400_000_000 }, 256 * 1024, (bytes, elapsedMs) => ({
        volume: bytes / elapsedMs / 1_000,
      })),
    ],
    targets: [
      { ...faster(latecomerOs, 500, natsCore, 64), atLeast: 0.8 },
      { ...faster(latecomerDisk, 500, natsJetStream, 64), atLeast: 4 },
      { ...faster(latecomerOs, 500, natsJetStream, 64), atLeast: 4 },
      { figure: 'volume', row: rowName(latecomerDisk, 500), against: writeAndSync.rowName, atLeast: 0.6 },
    ],
  },
  {
    name: 'edges',
    title: 'Forked edges against one process, 1000 subscribers',
    figures,
    rows: [latecomerDisk, latecomerEdges].map((one) => broadcast(one, 1_000, 500, { quick: 2_000, full: 150_000 })),
    targets: [],
  },
];

function rowName({ name }: Contender, batch: number): string {
  return `${name}, ${batch} a publish`;
}

function faster(one: Contender, batch: number, other: Contender, otherBatch: number): Target {
  return { figure: 'delivered', row: rowName(one, batch), against: rowName(other, otherBatch) };
}

function broadcast(contender: Contender, subscribers: number, batch: number, sizes: Sized): Row {
  const measure = async ({ port }: { port: number }, messages: number) => {
    const { dialect } = contender;
    const publishes = Math.ceil(messages / batch);
    const total = publishes * batch;
    const group = followers({ dialect, port, followers: subscribers, messages: total, payloadBytes });
    await group.ready;
    const inFlight = Math.min(inFlightMax, Math.ceil(inFlightBytes / (batch * payloadBytes)));
    const load = { dialect, port, publishers: 1, publishes, batch, payloadBytes, inFlight };
    const [published, delivered] = await Promise.all([publishers(load), group.report]);
    expectCount(delivered.messages, total * subscribers);
    const elapsedMs = delivered.endedMs - published.startedMs;
    return {
      numbers: {
        delivered: perSecond(delivered.messages, elapsedMs),
        published: perSecond(published.messages, published.endedMs - published.startedMs),
        volume: (delivered.messages * payloadBytes) / elapsedMs / 1_000,
        'fell behind': delivered.fellBehind,
      },
    };
  };
  return rowOf(contender, (server, size) => measure(server, sizes[size]), rowName(contender, batch));
}
