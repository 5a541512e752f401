import { latecomerDisk } from '../contenders/latecomer.js';
import { followers, publishers, stalledFollowers } from '../load/run-worker.js';
import { MemoryWatch, rssAnonBytes, socketBytes } from './memory.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Size, type Sized } from './scenario.js';

const payloadBytes = 100;
const batch = 500;
const inFlight = 10;
const healthy = 10;
/** What the stalled ones have read some of. */
const firstMessages = 100_000;
/** 1 GB of payloads. */
const messages: Sized = { quick: 10_000, full: 10_000_000 };
const megabyte = 1_000_000;

/** Subscribers that stopped reading at different positions, while much is published to others. */
export const stalledSubscribers: Scenario = {
  name: 'stalled',
  title: `1 GB published to ${healthy} subscribers, with others that have stopped reading`,
  figures: [
    { name: 'delivered', unit: 'messages/s' },
    { name: 'RssAnon grows by', unit: 'MB' },
    { name: 'kernel sockets grow by', unit: 'MB' },
  ],
  rows: [0, 100].map(withStalled),
  targets: [
    { figure: 'RssAnon grows by', row: rowName(100), atMost: 150 },
    { figure: 'delivered', row: rowName(100), against: rowName(0), atLeast: 0.9 },
  ],
};

function rowName(stalled: number): string {
  return `Latecomer, ${stalled === 0 ? 'none' : stalled} stalled`;
}

function withStalled(stalled: number): Row {
  return rowOf(latecomerDisk, (server, size) => measure(server, size, stalled), rowName(stalled));
}

async function measure({ port, pid }: { port: number; pid: number }, size: Size, stalled: number) {
  const to = { dialect: latecomerDisk.dialect, port, payloadBytes };
  const load = { ...to, publishers: 1, batch, inFlight };
  const total = messages[size];
  const before = { rssAnonBytes: rssAnonBytes(pid), socketBytes: socketBytes() };
  const watch = new MemoryWatch(pid);
  await publishers({ ...load, publishes: firstMessages / batch });
  const stallAfter = Array.from({ length: stalled }, (_, index) => Math.ceil((index * firstMessages) / stalled) + 1);
  const asleep = stalled > 0 ? stalledFollowers({ ...to, stallAfter }) : undefined;
  await asleep?.ready;
  const awake = followers({ ...to, followers: healthy, messages: total });
  await awake.ready;
  const [published, delivered] = await Promise.all([publishers({ ...load, publishes: total / batch }), awake.report]);
  watch.stop();
  asleep?.kill();
  expectCount(delivered.messages, total * healthy);
  return {
    numbers: {
      delivered: perSecond(delivered.messages, delivered.endedMs - published.startedMs),
      'RssAnon grows by': (watch.rssAnonBytesMax - before.rssAnonBytes) / megabyte,
      'kernel sockets grow by': (watch.socketBytesMax - before.socketBytes) / megabyte,
    },
  };
}
